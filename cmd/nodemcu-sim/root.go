package main

import (
	"fmt"
	"regexp"

	"github.com/spf13/cobra"
)

// hosts are the words of Go's own about values of flags.
var hosts = []struct {
	words *regexp.Regexp
	text  string
}{
	{regexp.MustCompile(`strconv\.\w+: parsing .*: value out of range`), "write a smaller number"},
	{regexp.MustCompile(`strconv\.\w+: parsing .*`), "write a number"},
	{regexp.MustCompile(`time: .*`), "write a time such as 30s, 200ms or 24h"},
}

// reworded is what is wrong with a flag in words for whoever has given it.
func reworded(text string) string {
	for _, h := range hosts {
		text = h.words.ReplaceAllString(text, h.text)
	}
	return text
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "nodemcu-sim",
		Short: "Run NodeMCU Lua programs on a simulated ESP8266",
		Long: `nodemcu-sim runs unmodified NodeMCU Lua programs on a desktop and shows what the
chip would do: the same API, the same callbacks in the same order, the same error
messages, the same limits of memory and network.`,
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Version}}")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%s; see %s --help", reworded(err.Error()), c.CommandPath())
	})
	root.AddCommand(runCommand(), testCommand(), mergeCommand(), boardsCommand(), modulesCommand(), heapCommand(), flashCommand(), luacCommand(), versionCommand())
	return root
}
