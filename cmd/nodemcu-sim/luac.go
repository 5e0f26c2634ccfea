package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodemcu-sim/nodemcu-sim/luaccross"
)

// luacOptions are those of luac.cross, for the shell's completion.
var luacOptions = []cobra.Completion{
	"-f\tan image for the flash store (LFS), for any chip",
	"-a\tan image for the flash store at this address",
	"-m\tan image of at most so many bytes",
	"-o\tthe file to write",
	"-s\tleave out lines and sources of a precompiled file",
	"-i\tone precompiled file that returns modules by name",
	"-l\tlist what is compiled",
	"-p\tonly see whether it compiles",
	"-e\trun a Lua script",
	"-v\tshow the version of Lua",
	"--\tno options follow",
}

func luacCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "luac [options] FILE...",
		Short: "Compile Lua for the device: .lc files and images for LFS",
		Long: `Compile Lua for a NodeMCU device on this computer, as luac.cross does: with its
options, messages and exit statuses. What it writes is byte-identical to what
luac.cross writes, so it is for a chip as well as for the simulator.

Files are Lua source or precompiled (.lc); "-" is standard input.

  -f       write an image for the Lua Flash Store, at any address: for
           node.LFS.reload. Each file is a module, named as the file up to
           its first dot
  -a ADDR  write an image for this address, from 0x40210000 to 0x40310000, as
           esptool puts it into flash
  -m SIZE  write an image of at most so many bytes, a multiple of 4096
           (without: 0x40000)
  -o FILE  write to this file, or to standard output if it is "-" (without:
           luac.out)
  -s       without sources and lines: errors of a .lc file then have no line
           (images always keep them)
  -i       combine files in a .lc file that returns a module by name, as an
           image does; without it they run one after the other
  -l       list the code; twice, with constants and names, too
  -p       only see whether it compiles; write nothing
  -e FILE  run a Lua script with the firmware's standard library first. If it
           returns a function, that is the first module
  -v       show the version of Lua
  --       files follow whose names may begin with a dash

The time of an image, as node.LFS.time shows it, is that of its making.`,
		Example: `  nodemcu-sim luac -f -o lfs.img *.lua
  nodemcu-sim luac -o app.lc app.lua
  nodemcu-sim luac -l -p app.lua`,
		DisableFlagParsing: true, // it is not this program's style

		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if strings.HasPrefix(begun, "-") {
				return luacOptions, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") {
				return c.Help()
			}
			return runLuac(c.CommandPath(), args, c.OutOrStdout())
		},
	}
}

// runLuac is luac.cross under the name by which it was called.
func runLuac(name string, args []string, out io.Writer) error {
	c := luaccross.Command{Name: name, Stdin: os.Stdin, Stdout: out, Stderr: os.Stderr, Now: time.Now}
	if status := c.Run(args); status != exitOK {
		return &statusError{status: status}
	}
	return nil
}

// calledLuac reports whether this program was called as luac.cross, by a link of that name.
func calledLuac(name string) bool {
	return strings.TrimSuffix(filepath.Base(name), ".exe") == "luac.cross"
}
