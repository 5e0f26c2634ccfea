package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "nodemcu-sim",
		Short: "Run NodeMCU Lua programs on a simulated ESP8266",
		Long: `nodemcu-sim runs unmodified NodeMCU Lua programs on a desktop and shows what the
chip would do: the same API, the same callbacks in the same order, the same error
messages, the same limits of memory and network.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w; see nodemcu-sim %s --help", err, c.Name())
	})
	root.AddCommand(runCommand(), boardsCommand(), modulesCommand(), heapCommand(), versionCommand())
	return root
}
