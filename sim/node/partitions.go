package node

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// getpartitiontable is node.getpartitiontable().
func (m *module) getpartitiontable(c *vm.Call) int {
	l := m.dev.Partitions()
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
	was := m.dev.Partitions()
	l := was
	firmware := m.dev.Board.FS.Address // where it ends: without a store the file system begins there
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
	m.printPartitions(firmware, l)
	said := "node.setpartitiontable has the watchdog reset the device, which then has the new table"
	if !kept {
		said += " and an empty file system"
	}
	m.awaitWatchdog(said)
	return 0
}

// printPartitions prints the table as the SDK knows it: types from 100 on are the
// firmware's. (fw: app/user/user_main.c, partition_init_table.)
func (m *module) printPartitions(firmware int, l flash.Layout) {
	const boot, code, store, files = 101, 102, 103, 106
	n := 0
	for _, p := range [][3]int{
		{boot, 0, 0xb000}, {4, 0xb000, 0x1000}, {5, 0xc000, 0x1000}, {6, 0xd000, 0x3000}, // the SDK's: RF calibration, PHY data, parameters
		{code, 0x10000, firmware - 0x10000}, {store, l.LFSAddress, l.LFSSize}, {files, l.Address, l.Size},
	} {
		if p[2] > 0 {
			m.dev.Serial.WriteText(fmt.Sprintf("Partition %d: %04x %06x %06x\n", n, p[0], p[1], p[2]))
			n++
		}
	}
}

// check raises an error unless a partition is one, behind the last one, and returns
// where it ends.
func check(c *vm.Call, addr, size, last, flashSize int) int {
	if addr%sector != 0 || size%sector != 0 || addr < last || addr+size > flashSize {
		c.Error("Partition value out of range")
	}
	return addr + size
}
