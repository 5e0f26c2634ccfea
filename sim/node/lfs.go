package node

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// lfsConfig describes the Lua Flash Store, with zeros where there is none.
func (m *module) lfsConfig(c *vm.Call) *vm.Table {
	s := m.dev.LFS()
	return table(c, []field{
		{"lfs_mapped", vm.Number(s.Mapped())},
		{"lfs_base", vm.Number(s.Base)},
		{"lfs_size", vm.Number(s.Size)},
		{"lfs_used", vm.Number(s.Used)},
	})
}

// lfs is node.LFS: a table in flash, with a function for what it does not have.
func (m *module) lfs() *vm.Table {
	v := m.dev.VM
	t := v.NewROMTable("node.LFS", []vm.Func{
		{Name: "list", Fn: m.list},
		{Name: "get", Fn: m.flashindex},
		{Name: "reload", Fn: m.reload},
	}, nil)
	v.SetMetatable(t, v.NewROMTable("node.LFS", []vm.Func{{Name: "__index", Fn: m.lfsIndex}}, nil))
	return t
}

// lfsIndex is node.LFS.NAME: config, time, or the module of that name.
func (m *module) lfsIndex(c *vm.Call) int {
	name, ok := c.VM.ToString(c.Arg(2))
	switch {
	case !ok:
		return c.ReturnNil()
	case vm.CString(name) == "config":
		return c.Return(m.lfsConfig(c))
	case vm.CString(name) == "time":
		if !m.ask(c, 0) {
			return c.ReturnNil()
		}
		c.SetTop(c.Top() - 1) // without the names
		return 1
	}
	return m.get(c, 2)
}

// ask calls the index of the image with the argument at position n, with nil if n is 0, and
// leaves the closure of the module of that name, or the time of the image and an array of
// all names, on the stack. It reports false when there is no image.
func (m *module) ask(c *vm.Call, n int) bool {
	if err := m.dev.LFS().Damaged; err != nil {
		m.dev.Crash("the image in the Lua Flash Store is damaged (%v)", err)
		return false
	}
	if !c.PushIndex() {
		return false
	}
	if n == 0 {
		c.PushNil()
	} else {
		c.PushCopy(n)
	}
	c.CallTop(1, -1)
	return true
}

// get returns the module whose name is the argument at position n: a new closure, or nil.
func (m *module) get(c *vm.Call, n int) int {
	if !m.ask(c, n) || !c.IsFunctionAt(c.Top()) {
		return c.ReturnNil()
	}
	return 1
}

// flashindex is node.LFS.get(name), and node.flashindex(name) is its old name. It raises no
// error, whatever name is.
func (m *module) flashindex(c *vm.Call) int {
	if c.NArgs() == 0 {
		c.PushNil()
	}
	return m.get(c, 1)
}

// list is node.LFS.list(): the names of the modules, sorted; nil without an image.
func (m *module) list(c *vm.Call) int {
	if !m.ask(c, 0) {
		return c.ReturnNil()
	}
	names := c.Arg(c.Top())
	if t, ok := c.Global("table").(*vm.Table); ok {
		c.Invoke(c.Index(t, vm.String("sort")), 0, names)
	}
	return 1
}

// flashreload is node.flashreload(image), the old name of node.LFS.reload.
func (m *module) flashreload(c *vm.Call) int {
	m.deprecated("node.flashreload", "soon. Use node.LFS interface instead")
	return m.reload(c)
}
