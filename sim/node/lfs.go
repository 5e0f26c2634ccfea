package node

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// lfsMapped is where the flash shows in the CPU's address space, in bytes (fw:
// app/include/platform.h INTERNAL_FLASH_MAPPED_ADDRESS).
const lfsMapped = 0x40200000

// layout returns the partitions of the flash. Without a Lua Flash Store its size
// and address are 0.
func (m *module) layout() flash.Layout {
	l, ok := m.dev.Flash.Layout()
	if !ok { // as the board has it
		l = flash.Layout{Address: m.dev.Board.FS.Address, Size: m.dev.Board.FS.Size}
	}
	return l
}

// lfsConfig describes the Lua Flash Store: one of size 0 would be where the file
// system begins.
func (m *module) lfsConfig(c *vm.Call) *vm.Table {
	l := m.layout()
	base := l.LFSAddress
	if l.LFSSize == 0 {
		base = l.Address
	}
	return table(c, []field{
		{"lfs_mapped", vm.Number(lfsMapped + base)},
		{"lfs_base", vm.Number(base)},
		{"lfs_size", vm.Number(l.LFSSize)},
		{"lfs_used", vm.Number(0)},
	})
}

// lfs is node.LFS. The store is always empty: every name in it but config is nil.
func (m *module) lfs() *vm.Table {
	none := func(c *vm.Call) int { return c.ReturnNil() }
	v := m.dev.VM
	t := v.NewROMTable("node.LFS", []vm.Func{
		{Name: "list", Fn: none},
		{Name: "get", Fn: none},
		{Name: "reload", Fn: m.reload},
	}, nil)
	v.SetMetatable(t, v.NewROMTable("node.LFS", []vm.Func{{Name: "__index", Fn: func(c *vm.Call) int {
		if c.Arg(2) == vm.Value(vm.String("config")) {
			return c.Return(m.lfsConfig(c))
		}
		return c.ReturnNil()
	}}}, nil))
	return t
}

// flashindex is node.flashindex(name), the old name of node.LFS.get.
func (m *module) flashindex(c *vm.Call) int { return c.ReturnNil() }

// flashreload is node.flashreload(image), the old name of node.LFS.reload.
func (m *module) flashreload(c *vm.Call) int {
	m.deprecated("node.flashreload", "soon. Use node.LFS interface instead")
	return m.reload(c)
}

// reload is node.LFS.reload(image). It returns what is wrong: the firmware says
// that there is no partition for a file that is not there, too. Of an image that it
// could load it loads the first part before it says something; here that is the
// end.
func (m *module) reload(c *vm.Call) int {
	if c.VM.RawGetString(c.VM.ROMGlobals(), "file") == vm.Nil {
		return c.ReturnString("No file system mounted")
	}
	name, ok := c.VM.ToString(c.Arg(1))
	if !ok {
		c.Error("bad argument #1 to '?' (string expected, got nil)") // of file.exists
	}
	if m.layout().LFSSize == 0 || !m.dev.Flash.Exists(name) {
		return c.ReturnString("No LFS partition allocated")
	}
	return c.ReturnString("the simulator cannot load LFS images")
}

// getpartitiontable is node.getpartitiontable().
func (m *module) getpartitiontable(c *vm.Call) int {
	l := m.layout()
	return c.Return(table(c, []field{
		{"lfs_addr", vm.Number(l.LFSAddress)},
		{"lfs_size", vm.Number(l.LFSSize)},
		{"spiffs_addr", vm.Number(l.Address)},
		{"spiffs_size", vm.Number(l.Size)},
	}))
}

const (
	sector = 4096 // bytes that partitions are multiples of; fw: INTERNAL_FLASH_SECTOR_SIZE
	// spiffsStart is where a file system goes whose size is given and that fits
	// between it and the SDK's parameters at the end of the flash.
	spiffsStart   = 0x100000
	sdkParameters = 0x3000
	// skip is the firmware's mark of what a table does not mention: -1 is that, too.
	skip = 0xffffffff
)

// setpartitiontable is node.setpartitiontable(table). A table that holds makes the
// watchdog reset the device. A file system that is moved or changes its size is
// empty afterwards.
func (m *module) setpartitiontable(c *vm.Call) int {
	t, ok := c.Arg(1).(*vm.Table)
	if !ok {
		c.ArgError(1, "must be table")
	}
	was := m.layout()
	l := was
	firmware := was.Address // where the firmware ends
	if was.LFSSize > 0 {
		firmware = was.LFSAddress
	}
	if l.LFSSize == 0 {
		l.LFSAddress = firmware
	}
	size := m.dev.Board.Flash.Size
	given := map[string]int{}
	for key, value, _ := c.VM.RawNext(t, vm.Nil); key != vm.Nil; key, value, _ = c.VM.RawNext(t, key) {
		name, _ := c.VM.ToString(key)
		_, number := c.VM.ToNumber(value)
		switch name {
		case "lfs_addr", "lfs_size", "spiffs_addr", "spiffs_size":
		default:
			number = false
		}
		if !number {
			c.ArgError(1, "invalid partition setting")
		}
		if n := uint32(c.VM.ToInteger(value)); n != skip {
			given[name] = int(n)
		}
	}
	set := func(field *int, name string) bool {
		n, ok := given[name]
		if ok {
			*field = n
		}
		return ok
	}
	set(&l.LFSAddress, "lfs_addr")
	set(&l.LFSSize, "lfs_size")
	last := firmware
	if l.LFSSize > 0 {
		last = check(c, l.LFSAddress, l.LFSSize, last, size)
	}
	if set(&l.Size, "spiffs_size") {
		l.Address = last
		if l.Size <= size-sdkParameters-spiffsStart {
			l.Address = spiffsStart
		}
	}
	set(&l.Address, "spiffs_addr")
	check(c, l.Address, l.Size, last, size)
	if l.LFSSize == 0 {
		l.LFSAddress = 0
	}
	kept := l.Address == was.Address && l.Size == was.Size
	if err := m.dev.Flash.SetLayout(l, kept); err != nil {
		c.Error("%s", err)
	}
	said := "node.setpartitiontable has the watchdog reset the device, which then has the new table"
	if !kept {
		said += " and an empty file system"
	}
	m.dev.Inspect.AwaitWatchdog(said)
	for m.dev.ETS.DelayUnfed(100 * clock.Millisecond) { // until the watchdog bites
	}
	return 0
}

// check raises an error unless a partition is one, behind the last one, and returns
// where it ends.
func check(c *vm.Call, addr, size, last, flashSize int) int {
	if addr%sector != 0 || size%sector != 0 || addr < last || addr+size > flashSize {
		c.Error("Partition value out of range")
	}
	return addr + size
}
