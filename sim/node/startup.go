package node

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/repl"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// startupcommand is node.startupcommand(command): what runs instead of init.lua, from
// the next boot on: "@file", "!module" of the Lua Flash Store, or else a chunk.
func (m *module) startupcommand(c *vm.Call) int {
	m.setCommand(c, c.String(1))
	return c.ReturnBool(true)
}

// setCommand keeps a command in the flash, with a NUL behind it. The length of a
// record there counts modulo 256, and reading takes the NULs at its end away, which
// fill the last word (fw: app/platform/platform.c platform_rcr_write): of 256 bytes
// one is left, of 255 nothing.
func (m *module) setCommand(c *vm.Call, command string) {
	if strings.HasPrefix(command, "=") {
		m.dev.Inspect.Hints.Here("the firmware's documentation says that a startup command may begin with =, but it compiles that, too, and finds \"unexpected symbol near '='\": leave it out")
	}
	record := command + "\x00"
	if n := len(record); n > 0xff {
		m.dev.Inspect.Hints.Here("the length of a startup command counts modulo 256: of %d bytes %d are kept", len(command), n&0xff)
		record = record[:n&0xff]
	}
	m.dev.REPL.SetStartupCommand(strings.TrimRight(record, "\x00"))
}

// startup is node.startup([table]), the newer name of the function above. It changes
// what the table mentions, everything back to what it was when that has no key of
// text, and returns a table of what holds from the next boot on.
func (m *module) startup(c *vm.Call) int {
	if c.NArgs() > 0 {
		m.setStartup(c, c.Table(1))
	}
	options := m.dev.REPL.StartupOptions()
	mhz := 80
	if options&repl.Start160MHz != 0 {
		mhz = 160
	}
	var out []field
	if command, ok := m.dev.REPL.StartupCommand(); ok {
		out = append(out, field{"command", vm.String(command)})
	}
	out = append(out,
		field{"banner", vm.Bool(options&repl.StartNoBanner == 0)},
		field{"frequency", vm.Number(mhz)},
		field{"delay_mount", vm.Bool(options&repl.StartDelayMount != 0)},
	)
	return c.Return(table(c, out))
}

func (m *module) setStartup(c *vm.Call, t *vm.Table) {
	options := m.dev.REPL.StartupOptions()
	set := func(bit int, on bool) {
		if options &^= bit; on {
			options |= bit
		}
	}
	truth := func(x vm.Value) bool { return x != vm.Value(vm.False) }
	mentioned := false
	var key, x vm.Value = vm.Nil, vm.Nil
	for {
		var ok bool
		if key, x, ok = c.VM.RawNext(t, key); !ok {
			c.Raise("invalid key to 'next'")
		}
		if key == vm.Nil {
			break
		}
		name, isText := c.VM.ToString(key)
		if !isText {
			continue
		}
		// The firmware makes the key a text where it stands: a number is none of the
		// table's keys any more, and the next step fails.
		key, mentioned = vm.String(name), true
		switch vm.CString(name) {
		case "command":
			command, ok := c.VM.ToString(x)
			if !ok {
				c.ArgError(-1, "string expected, got "+c.VM.TypeName(x))
			}
			m.setCommand(c, command)
		case "banner":
			set(repl.StartNoBanner, !truth(x))
		case "frequency":
			set(repl.Start160MHz, c.VM.ToInteger(x) == 160)
		case "delay_mount":
			set(repl.StartDelayMount, truth(x))
		}
	}
	if !mentioned {
		options = 0
		m.dev.REPL.ClearStartupCommand()
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
