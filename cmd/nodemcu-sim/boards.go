package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
)

func boardsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "boards [NAME]",
		Short: "List the boards, or show one",
		Args:  cobra.MaximumNArgs(1),

		ValidArgsFunction: cobra.FixedCompletions(boards.Names(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(c *cobra.Command, args []string) error {
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			if len(args) == 0 {
				fmt.Fprintln(w, "NAME\tBOARD\tFLASH\tMHZ\tALSO")
				for _, b := range boards.All() {
					fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", b.Name, b.Title, size(b.Flash.Size), b.CPU.MHz, strings.Join(b.Aliases, ", "))
				}
				return w.Flush()
			}
			b, err := boards.Load(args[0])
			if err != nil {
				return err
			}
			showBoard(w, b)
			return w.Flush()
		},
	}
}

// moduleWidth is how wide a line of modules may get, beside the names of rows.
const moduleWidth = tableWidth - len("file system  ")

func showBoard(w *tabwriter.Writer, b *board.Board) {
	row := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	row("name", "%s", b.Name)
	if len(b.Aliases) > 0 {
		row("also", "%s", strings.Join(b.Aliases, ", "))
	}
	row("board", "%s", b.Title)
	row("chip", "%s", b.SoC)
	row("clock", "%d MHz", b.CPU.MHz)
	row("flash", "%s, %s", size(b.Flash.Size), b.Flash.Mode)
	if b.ADC.Bits > 0 {
		row("adc", "%d bits, 0–%.1f V", b.ADC.Bits, b.ADC.FullScale)
	} else {
		row("adc", "none")
	}
	row("file system", "%s", size(b.FS.Size))
	row("heap", "%d bytes", b.Heap.Size)
	for i, p := range b.Pins {
		name := ""
		if i == 0 {
			name = "pins"
		}
		row(name, "%2d  %-3s GPIO%d", p.Index, p.Silk, p.GPIO)
	}
	for i, p := range b.Parts {
		name := ""
		if i == 0 {
			name = "parts"
		}
		active := "high"
		if p.ActiveLow {
			active = "low"
		}
		row(name, "%s %s on GPIO%d, active %s", p.Kind, p.Name, p.GPIO, active)
	}
	for i, line := range wrap(strings.Join(b.Firmware.Modules, " "), moduleWidth) {
		row([]string{"modules", ""}[min(i, 1)], "%s", line)
	}
	if len(b.Firmware.Absent) > 0 {
		for i, line := range wrap(strings.Join(b.Firmware.Absent, " "), moduleWidth) {
			row([]string{"absent", ""}[min(i, 1)], "%s", line)
		}
		row("", "(in usual builds of the firmware; the simulator does not have them)")
	}
}

// size prints a number of bytes in KB or MB, as people name flash sizes.
func size(n int) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d KB", n>>10)
}
