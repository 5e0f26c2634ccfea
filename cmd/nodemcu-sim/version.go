package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nodemcu-sim/nodemcu-sim/device"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the simulator's version and the firmware it follows",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(c.OutOrStdout(), versionText())
			return err
		},
	}
}

func versionText() string {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = buildVersion(info)
	}
	return fmt.Sprintf("nodemcu-sim %s (%s)\nfirmware NodeMCU %s, Lua 5.1\n", version, runtime.Version(), device.FirmwareVersion)
}

// shortCommit is how many digits name a commit, as in Go's pseudo-versions.
const shortCommit = 12

// buildVersion is the module's version and, of a build from a checkout, its commit,
// with its day and whether files have changed since.
func buildVersion(info *debug.BuildInfo) string {
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	version := info.Main.Version
	if version == "" || version == "(devel)" {
		version = "devel"
	}
	commit := set["vcs.revision"]
	commit = commit[:min(len(commit), shortCommit)]
	if commit == "" || strings.Contains(version, commit) {
		return version // a pseudo-version has it all
	}
	version += ", commit " + commit
	if day, _, ok := strings.Cut(set["vcs.time"], "T"); ok {
		version += " of " + day
	}
	if set["vcs.modified"] == "true" {
		version += ", changed"
	}
	return version
}
