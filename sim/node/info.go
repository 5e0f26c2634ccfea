package node

import (
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
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
		{"node_version_major", vm.Number(device.FirmwareMajor)},
		{"node_version_minor", vm.Number(device.FirmwareMinor)},
		{"node_version_revision", vm.Number(device.FirmwareRevision)},
		{"git_branch", vm.String(device.FirmwareBranch)},
		{"git_commit_id", vm.String(device.FirmwareCommit)},
		{"git_release", vm.String(device.FirmwareRelease)},
		{"git_commit_dts", vm.String(device.FirmwareDate)},
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
			{"lfs_size", vm.Number(m.dev.Build().FlashStore)}, // node.setpartitiontable may give it another
			{"modules", vm.String(strings.Join(modules, ","))},
			{"number_type", vm.String("float")},
		}))
	}
	m.deprecated("node.info() without parameter", "in the next version")
	var out []vm.Value
	for _, f := range append(version[:3:3], hw...) {
		out = append(out, f.value)
	}
	return c.Return(out...)
}

// deprecated prints what the firmware says of old functions.
func (m *module) deprecated(what, when string) {
	m.dev.Serial.WriteText("Warning, deprecated API! " + what + ". It will be removed " + when + ". See documentation for details.\n")
}
