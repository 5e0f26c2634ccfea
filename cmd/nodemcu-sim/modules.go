package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/project"
	"github.com/nodemcu-sim/nodemcu-sim/sim/firmware"
)

func modulesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "modules [NAME]",
		Short: "List the firmware's modules and what the simulator has of them",
		Long: `List every C module of the firmware: supported (everything that the firmware's
documentation lists and a default build has), partial, or absent, with the reason
where it can't be there; whether boards' builds have it or a project must add it; and
what else a project chooses of its build, see docs/builds.md. With a name, list its functions, methods and constants, and which
of them need a build made with a certain switch.`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var names []string
			for _, m := range firmware.Catalogue() {
				names = append(names, m.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			have := firmware.Simulated()
			if len(args) == 1 {
				if err := showModule(w, have, args[0]); err != nil {
					return err
				}
				return w.Flush()
			}
			build, err := usualBuild()
			if err != nil {
				return err
			}
			fmt.Fprintln(w, "MODULE\tSTATE\tBUILD\tMISSING")
			for _, s := range firmware.Compare(have) {
				missing := strings.Join(s.Missing, " ")
				if s.Level == firmware.Absent {
					missing = firmware.Never(s.Name)
				}
				in := ""
				switch {
				case slices.Contains(build, s.Name):
					in = "has it"
				case s.Level != firmware.Absent:
					in = "add it"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, s.Level, in, missing)
			}
			fmt.Fprintf(w, "\nTo add modules to a board's build, as http and cron, in %s: %s\n", project.FileName, adding("http", "cron"))
			fmt.Fprintln(w, "\nSETTING\tDEFAULT\tOF THE BUILD, IN [firmware] OF "+project.FileName)
			for _, s := range firmware.Settings() {
				fmt.Fprintf(w, "%s\t%s\t%s: %s\n", s.Key, s.Default, s.Values, s.What)
			}
			return w.Flush()
		},
	}
}

// usualBuild returns the names of the modules in the build of the default board.
func usualBuild() ([]string, error) {
	b, err := boards.Load(boards.Default)
	if err != nil {
		return nil, err
	}
	build, err := firmware.Select(b.Firmware.Modules)
	var names []string
	for _, m := range build {
		names = append(names, m.Name)
	}
	return names, err
}

// adding is what a project file says to have modules besides the board's.
func adding(names ...string) string {
	return fmt.Sprintf("[firmware] modules = [\"+%s\"]", strings.Join(names, `", "+`))
}

// showModule lists the functions of one module, those that are documented first. It goes by
// its own name or by the one that programs have for it.
func showModule(w *tabwriter.Writer, have []firmware.Provided, name string) error {
	name = firmware.Placed(name)
	doc, ok := firmware.Find(name)
	if !ok {
		return fmt.Errorf("there is no firmware module %q; nodemcu-sim modules lists them", name)
	}
	for _, s := range firmware.Compare(have) {
		if s.Name != name {
			continue
		}
		build, err := usualBuild()
		if err != nil {
			return err
		}
		switch why := firmware.Never(name); {
		case why != "":
			fmt.Fprintf(w, "%s: %s: %s\n", name, s.Level, why)
		case s.Level == firmware.Absent:
			fmt.Fprintf(w, "%s: %s: %s\n", name, s.Level, firmware.StandIn)
		case slices.Contains(build, name):
			fmt.Fprintf(w, "%s: %s\n", name, s.Level)
		default:
			fmt.Fprintf(w, "%s: %s, and added to a build in %s: %s\n", name, s.Level, project.FileName, adding(name))
		}
		where := firmware.Place(name)
		for _, list := range [][]string{doc.Functions, doc.Methods} {
			for _, f := range list {
				state := "supported"
				if s.Level == firmware.Absent || slices.Contains(s.Missing, f) {
					state = "absent"
				}
				if need := firmware.Switch(name, f); slices.Contains(s.Off, f) {
					state = "absent, as in a build without " + need
				} else if need != "" && state == "supported" {
					state = "supported, as in a build with " + need
				}
				fmt.Fprintf(w, "%s\t%s\n", qualified(where, f), state)
			}
		}
		for _, constant := range doc.Constants {
			state := "constant"
			if s.Level == firmware.Absent {
				state = "absent"
			}
			fmt.Fprintf(w, "%s\t%s\n", qualified(where, constant), state)
		}
		for _, f := range s.Extra {
			fmt.Fprintf(w, "%s\tsupported, not documented\n", qualified(where, f))
		}
	}
	return nil
}

// qualified returns how a program writes a function of a module. Methods, which
// come as "type:method", stay as they are.
func qualified(module, f string) string {
	if strings.Contains(f, ":") {
		return f
	}
	return module + "." + f
}
