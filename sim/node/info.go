package node

import (
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/sim"
	"github.com/nodemcu-sim/nodemcu-sim/sim/vm"
)

// flashSpeed is the clock of the flash, in Hz, on all boards we know.
const flashSpeed = 40000000

// flashModes is how node.info numbers the flash modes (fw: docs/modules/node.md).
var flashModes = map[string]int{"qio": 0, "qout": 1, "dio": 2, "dout": 15}

// field is one entry of an info table.
type field struct {
	name  string
	value vm.Value
}

// table makes a table of fields.
func table(c *vm.Call, fields []field) *vm.Table {
	t := c.NewTable(0, len(fields))
	for _, f := range fields {
		if s, ok := f.value.(vm.String); ok {
			c.VM.ChargeString(len(s))
		}
		c.VM.SetField(t, f.name, f.value)
	}
	return t
}

// info is node.info([group]).
func (m *module) info(c *vm.Call) int {
	b := m.dev.Board
	hw := []field{
		{"chip_id", vm.Number(m.dev.ChipID())},
		{"flash_id", vm.Number(b.Flash.ID)},
		{"flash_size", vm.Number(b.Flash.Size / 1024)},
		{"flash_mode", vm.Number(flashModes[b.Flash.Mode])},
		{"flash_speed", vm.Number(flashSpeed)},
	}
	version := []field{
		{"node_version_major", vm.Number(sim.FirmwareMajor)},
		{"node_version_minor", vm.Number(sim.FirmwareMinor)},
		{"node_version_revision", vm.Number(sim.FirmwareRevision)},
		{"git_branch", vm.String(sim.FirmwareBranch)},
		{"git_commit_id", vm.String(sim.FirmwareCommit)},
		{"git_release", vm.String(sim.FirmwareRelease)},
		{"git_commit_dts", vm.String(sim.FirmwareDate)},
	}
	groups := []string{"lfs", "hw", "sw_version", "build_config", "legacy"}
	switch groups[c.Option(1, "legacy", groups...)] {
	case "lfs":
		return c.Return(m.lfsConfig(c))
	case "hw":
		return c.Return(table(c, hw))
	case "sw_version":
		return c.Return(table(c, version))
	case "build_config":
		modules := m.dev.ModuleNames()
		return c.Return(table(c, []field{
			{"ssl", vm.Bool(slices.Contains(modules, "tls"))},
			{"lfs_size", vm.Number(0)},
			{"modules", vm.String(strings.Join(modules, ","))},
			{"number_type", vm.String("float")},
		}))
	}
	m.dev.WriteText("Warning, deprecated API! node.info() without parameter. It will be removed in the next version. See documentation for details.\n")
	var out []vm.Value
	for _, f := range append(version[:3:3], hw...) {
		out = append(out, f.value)
	}
	return c.Return(out...)
}

// lfsMapped is where the flash shows in the CPU's address space, in bytes (fw:
// app/include/platform.h INTERNAL_FLASH_MAPPED_ADDRESS).
const lfsMapped = 0x40200000

// lfsConfig is the description of a Lua Flash Store of size 0, which would be
// where the file system begins.
func (m *module) lfsConfig(c *vm.Call) *vm.Table {
	base := m.dev.Board.FS.Address
	return table(c, []field{
		{"lfs_mapped", vm.Number(lfsMapped + base)},
		{"lfs_base", vm.Number(base)},
		{"lfs_size", vm.Number(0)},
		{"lfs_used", vm.Number(0)},
	})
}

// lfs is node.LFS of a build without a Lua Flash Store: every name in it is nil.
func (m *module) lfs() *vm.Table {
	none := func(c *vm.Call) int { return c.ReturnNil() }
	t := m.dev.VM.NewROMTable("node.LFS", []vm.Func{{Name: "get", Fn: none}, {Name: "list", Fn: none}}, nil)
	t.Metatable = m.dev.VM.NewROMTable("node.LFS", []vm.Func{{Name: "__index", Fn: func(c *vm.Call) int {
		if c.Arg(2) == vm.Value(vm.String("config")) {
			return c.Return(m.lfsConfig(c))
		}
		return c.ReturnNil()
	}}}, nil)
	return t
}

// flashindex is node.flashindex(name), the old name of node.LFS.get.
func (m *module) flashindex(c *vm.Call) int { return c.ReturnNil() }

// getpartitiontable is node.getpartitiontable().
func (m *module) getpartitiontable(c *vm.Call) int {
	fs := m.dev.Board.FS
	return c.Return(table(c, []field{
		{"lfs_addr", vm.Number(0)},
		{"lfs_size", vm.Number(0)},
		{"spiffs_addr", vm.Number(fs.Address)},
		{"spiffs_size", vm.Number(fs.Size)},
	}))
}
