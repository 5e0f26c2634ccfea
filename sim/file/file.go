// Package file is the firmware module file: the flash file system from Lua (fw:
// docs/modules/file.md, app/modules/file.c).
//
// There are two ways to use it. file.open returns an object with methods:
//
//	f = file.open("log.txt", "a+")
//	if f then f:writeline("hello"); f:close(); f = nil end
//
// and the functions of the module work on the file that was opened last, until
// it is closed:
//
//	if file.open("init.lua") then print(file.readline()); file.close() end
//
// The module holds a reference to that last object. Opening another file, and
// closing any, lets it go; an object that nobody else holds is then closed by the
// collector. An object costs 4 bytes of Lua memory and 12 of native memory.
//
// Names have up to 31 bytes and no directories: "www/index.html" is one name.
// "/FLASH/x" is x. Modes are "r", "w", "a", "r+", "w+" and "a+"; anything else
// means "r". What fails gives nil (open, read, write, flush, seek, stat), false
// (rename, exists), nothing (getcontents of a missing file), or happens silently
// (remove). Errors are raised for arguments only, and for using a file that is
// not open: "open a file first".
//
// What was written is not in the file at once. SPIFFS keeps less than a page of it in a
// cache until it does not fit there, or the object flushes, seeks, reads or closes. Until
// then stat and list see the file without it, and so do other readers while nothing of it
// was flushed; later their reading flushes it. A restart loses it: a log that must survive
// one is flushed, or closed after each line.
//
// Odd corners of the firmware that programs meet:
//   - Four files can be open; the fifth open gives nil. Reading a module with
//     require, removing and renaming need a free one too.
//   - Removing a file that is open works; its objects then read and write nil. When
//     another file is opened, they may read and write that one: an object knows no more
//     than the number of a descriptor. The log says so.
//   - rename does not replace a file that exists. Renaming a file that is open, and of which
//     nothing was flushed, loses what was written.
//   - read gives up to 1024 bytes unless told otherwise; read(0) and read of a
//     negative number give "".
//   - getcontents of an empty file gives nil.
//   - A result is put together in pieces, so 4096 bytes or more are "string length
//     overflow" under the default collector setting: getcontents of a larger file
//     fails.
//   - A write that does not fit gives nil; a part of it may be in the file. It often fails
//     before fsinfo shows no room: two blocks are kept for the collector, and each write
//     takes a page for the index. Of small writes some that gave true may be lost then.
//   - On a nearly full file system each write erases up to 512 sectors, which takes many
//     seconds. The log says so.
//   - seek beyond the end gives nil and goes to the end.
//   - "" is a name.
//   - The module's functions go on with the file that was opened last when it is closed:
//     nil, or worse. The log says so.
//
// There is no SD card in a default build, so neither mount nor chdir. SPIFFS keeps no
// time stamps: the function given to file.on("rtc") is kept and never called.
package file

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the module.
var Module = device.Module{Name: "file", Open: open}

// module is the state from one boot to the next.
type module struct {
	d    *device.Device
	fs   *flash.FS
	kind *vm.Type // file.obj

	last    *object // the file that functions of the module use (fw: file_fd)
	lastRef vm.Ref  // what keeps its userdata alive (fw: file_fd_ref)
	rtc     vm.Ref
}

func open(d *device.Device) *device.Lib {
	m := &module{d: d, fs: d.Flash}
	m.kind = &vm.Type{
		Name: "file.obj",
		Methods: []vm.Func{
			{Name: "close", Fn: m.close},
			{Name: "read", Fn: m.read},
			{Name: "readline", Fn: m.readline},
			{Name: "write", Fn: m.write},
			{Name: "writeline", Fn: m.writeline},
			{Name: "seek", Fn: m.seek},
			{Name: "flush", Fn: m.flush},
		},
		GC: func(o any) { m.release(o.(*object)) },
	}
	d.Inspect.OnHeapSnapshot(m.heapParts)
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "list", Fn: m.list},
			{Name: "open", Fn: m.open},
			{Name: "close", Fn: m.close},
			{Name: "write", Fn: m.write},
			{Name: "writeline", Fn: m.writeline},
			{Name: "read", Fn: m.read},
			{Name: "readline", Fn: m.readline},
			{Name: "format", Fn: m.format},
			{Name: "fscfg", Fn: m.fscfg},
			{Name: "remove", Fn: m.remove},
			{Name: "seek", Fn: m.seek},
			{Name: "flush", Fn: m.flush},
			{Name: "rename", Fn: m.rename},
			{Name: "exists", Fn: m.exists},
			{Name: "getcontents", Fn: m.getcontents},
			{Name: "putcontents", Fn: m.putcontents},
			{Name: "fsinfo", Fn: m.fsinfo},
			{Name: "on", Fn: m.on},
			{Name: "stat", Fn: m.stat},
		},
		Types: []*vm.Type{m.kind},
	}
}

// name returns argument n, a file name. The length is checked after the last
// slash (vfs_basename); a name that is too long as a whole is not found.
func (m *module) name(c *vm.Call, n int) string {
	s := c.String(n)
	base := s
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		base = s[i+1:]
	} else if i := strings.LastIndexByte(s, ':'); i >= 0 {
		base = s[i+1:]
	}
	if len(base) > flash.MaxName || strings.IndexByte(s, 0) >= 0 {
		c.ArgError(n, "filename invalid")
	}
	return s
}

// list is file.list([pattern]).
func (m *module) list(c *vm.Call) int {
	var match vm.Value = vm.Nil
	pattern := vm.String(c.OptString(1, ""))
	if !c.IsNoneOrNil(1) {
		if lib, ok := c.VM.RawGetString(c.VM.ROMGlobals(), "string").(*vm.Table); ok {
			match = c.VM.RawGetString(lib, "match")
		}
	}
	t := c.NewTable(0, 0)
	m.fs.Each(func(s flash.Stat) bool {
		if match == vm.Nil || c.Invoke(match, 1, vm.String(s.Name), pattern)[0] != vm.Nil {
			c.VM.SetField(t, s.Name, vm.Number(s.Size))
		}
		return true
	})
	return c.Return(t)
}

// exists is file.exists(name).
func (m *module) exists(c *vm.Call) int { return c.ReturnBool(m.fs.Exists(m.name(c, 1))) }

// remove is file.remove(name).
func (m *module) remove(c *vm.Call) int {
	name := m.name(c, 1)
	err := m.fs.Remove(name)
	if err == flash.ErrTooMany {
		m.d.Inspect.Hints.Here("file.remove did nothing: four files are open, and removing needs one of the four descriptors")
	}
	return 0
}

// rename is file.rename(old, new).
func (m *module) rename(c *vm.Call) int {
	from := m.name(c, 1)
	to := m.name(c, 2)
	err := m.fs.Rename(from, to)
	return c.ReturnBool(err == nil)
}

// stat is file.stat(name).
func (m *module) stat(c *vm.Call) int {
	name := c.String(1)
	if len(name) > flash.MaxName || strings.IndexByte(name, 0) >= 0 {
		c.ArgError(1, "filename invalid")
	}
	s, err := m.fs.Stat(name)
	if err != nil {
		return c.ReturnNil()
	}
	v := c.VM
	t := c.NewTable(0, 7)
	v.SetField(t, "size", vm.Number(s.Size))
	v.SetField(t, "name", vm.String(s.Name))
	for _, flag := range []string{"is_dir", "is_rdonly", "is_hidden", "is_sys", "is_arch"} {
		v.SetField(t, flag, vm.False)
	}
	// The time of a file system that keeps none (fw: FILE_TIMEDEF_*).
	when := c.NewTable(0, 6)
	for _, f := range []struct {
		name  string
		value int
	}{{"year", 1970}, {"mon", 1}, {"day", 1}, {"hour", 0}, {"min", 0}, {"sec", 0}} {
		v.SetField(when, f.name, vm.Number(f.value))
	}
	v.SetField(t, "time", when)
	return c.Return(t)
}

// fsinfo is file.fsinfo(): remaining, used and total bytes.
func (m *module) fsinfo(c *vm.Call) int {
	remaining, used, total := m.fs.Info()
	return c.Return(vm.Number(remaining), vm.Number(used), vm.Number(total))
}

// fscfg is file.fscfg(): address and size of the file system in the flash.
func (m *module) fscfg(c *vm.Call) int {
	return c.Return(vm.Number(m.d.Board.FS.Address), vm.Number(m.fs.Size()))
}

// format is file.format().
func (m *module) format(c *vm.Call) int {
	m.close(c)
	m.fs.Format()
	m.d.Serial.WriteText(m.fs.Dots() + "format done.\n")
	return 0
}

// on is file.on("rtc"[, function]).
func (m *module) on(c *vm.Call) int {
	c.Option(1, "rtc", "rtc")
	switch fn := c.Arg(2).(type) {
	case *vm.Function:
		c.VM.SetRef(&m.rtc, fn, "file rtc callback")
	default:
		if c.IsNone(2) || fn != vm.Nil {
			c.Error("Callback should be function or nil")
		}
		c.VM.Unref(&m.rtc)
	}
	return 0
}
