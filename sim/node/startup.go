package node

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/repl"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

const startOptions = repl.StartNoBanner | repl.Start160MHz | repl.StartDelayMount

// startupcommand is node.startupcommand(command): "@file" or "=chunk" instead of
// init.lua, from the next boot on.
func (m *module) startupcommand(c *vm.Call) int {
	m.dev.REPL.SetStartupCommand(c.String(1))
	return c.ReturnBool(true)
}

// startupoption is node.startupoption([options]).
func (m *module) startupoption(c *vm.Call) int {
	if !c.IsNoneOrNil(1) {
		m.dev.REPL.SetStartupOptions(c.Int(1) & startOptions)
	}
	return c.ReturnInt(m.dev.REPL.StartupOptions())
}

// startup is node.startup([table]), the newer name of the two above: it changes
// what the table mentions, everything back to what it was when that is empty, and
// returns a table of what holds from the next boot on.
func (m *module) startup(c *vm.Call) int {
	if t := c.OptTable(1); t != nil {
		m.setStartup(c, t)
	}
	options := m.dev.REPL.StartupOptions()
	mhz := 80
	if options&repl.Start160MHz != 0 {
		mhz = 160
	}
	out := []field{
		{"banner", vm.Bool(options&repl.StartNoBanner == 0)},
		{"frequency", vm.Number(mhz)},
		{"delay_mount", vm.Bool(options&repl.StartDelayMount != 0)},
	}
	if command := m.dev.REPL.StartupCommand(); command != "" {
		out = append(out, field{"command", vm.String(command)})
	}
	return c.Return(table(c, out))
}

func (m *module) setStartup(c *vm.Call, t *vm.Table) {
	if key, _, _ := c.VM.RawNext(t, vm.Nil); key == vm.Nil {
		m.dev.REPL.SetStartupOptions(0)
		m.dev.REPL.SetStartupCommand("")
		return
	}
	options := m.dev.REPL.StartupOptions()
	set := func(bit int, on bool) {
		if options &^= bit; on {
			options |= bit
		}
	}
	if v := c.VM.RawGetString(t, "banner"); v != vm.Nil {
		set(repl.StartNoBanner, v == vm.Value(vm.False))
	}
	if v := c.VM.RawGetString(t, "frequency"); v != vm.Nil {
		set(repl.Start160MHz, c.VM.ToInteger(v) == 160)
	}
	if v := c.VM.RawGetString(t, "delay_mount"); v != vm.Nil {
		set(repl.StartDelayMount, v != vm.Value(vm.False))
	}
	if v := c.VM.RawGetString(t, "command"); v != vm.Nil {
		command, ok := c.VM.ToString(v)
		if !ok {
			c.Error("command must be a string")
		}
		m.dev.REPL.SetStartupCommand(command)
	}
	m.dev.REPL.SetStartupOptions(options)
}

// startupCount is one step of the boot: where it was and the CPU's cycle counter.
type startupCount struct {
	name   string
	line   int
	cycles uint32
}

// maxCounts is how many of them are kept (assumed).
const maxCounts = 32

func (m *module) count(name string, line int) {
	if len(m.counts) < maxCounts {
		m.counts = append(m.counts, startupCount{name, line, m.dev.ETS.Cycles()})
	}
}

// startupcounts is node.startupcounts([marker]): a list of the steps of the boot.
// The simulator's has one step, the start of Lua, and what the program adds: a
// marker is an entry of its own, with the marker as its line.
func (m *module) startupcounts(c *vm.Call) int {
	if c.IsNumber(1) {
		m.count("node_startup_counts", c.Int(1))
	}
	list := c.NewTable(len(m.counts), 0)
	for i, x := range m.counts {
		c.VM.RawSetInt(list, i+1, table(c, []field{
			{"name", vm.String(x.name)},
			{"line", vm.Number(x.line)},
			{"ccount", vm.Number(int32(x.cycles))},
		}))
	}
	return c.Return(list)
}
