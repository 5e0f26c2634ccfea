package lualib

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// The package library (fw: app/lua/loadlib.c). Modules are looked for in
// package.preload, then as files of the flash by package.path, which has the
// compiled file before the source, and then among those shipped with the
// simulator. The firmware's two loaders of C libraries have their places in
// package.loaders and never find anything.

const defaultPath = "?.lc;?.lua" // fw: app/lua/luaconf.h, LUA_PATH_DEFAULT

func openPackage(v *vm.VM, g *vm.Table) {
	newTable := func(n int) *vm.Table { return v.NewTable(0, n) }
	loaded := newTable(2)
	v.SetField(v.Registry(), "_LOADED", loaded)
	loading := v.NewLightUserData() // marks a module that is being loaded, in package.loaded

	loaders := v.NewTable(4, 0)
	for i, f := range []vm.Func{
		{Name: "preload loader", Fn: preloadLoader},
		{Name: "Lua loader", Fn: luaLoader},
		{Name: "C loader", Fn: cLoader},
		{Name: "all-in-one loader", Fn: allInOneLoader},
	} {
		v.RawSetInt(loaders, i+1, v.NewFunction(f))
	}
	p := newTable(6)
	for _, field := range []struct {
		name  string
		value vm.Value
	}{
		{"loadlib", v.NewFunction(vm.Func{Name: "loadlib", Fn: loadLib})},
		{"seeall", v.NewFunction(vm.Func{Name: "seeall", Fn: seeAll})},
		{"loaders", loaders},
		{"path", vm.String(defaultPath)},
		{"cpath", vm.String("")},
		{"config", vm.String("/\n;\n?\n!\n-")},
		{"loaded", loaded},
		{"preload", newTable(0)},
	} {
		v.SetField(p, field.name, field.value)
	}
	v.SetField(loaded, "package", p)
	v.SetField(g, "package", p)
	v.SetField(g, "module", v.NewFunction(vm.Func{Name: "module", Fn: module}))
	v.SetField(g, "require", v.NewFunction(vm.Func{Name: "require", Fn: func(c *vm.Call) int { return require(c, loading) }}))
}

// loadedTable is package.loaded. It stays on the stack, since whatever runs meanwhile
// may put another one in its place.
func loadedTable(c *vm.Call) *vm.Table {
	t, ok := c.VM.RawGetString(c.VM.Registry(), "_LOADED").(*vm.Table)
	if !ok {
		c.Error("'_LOADED' must be a table")
	}
	c.PushTable(t)
	return t
}

// packageField is package.name as a program may have changed it.
func packageField(c *vm.Call, name string) vm.Value {
	return c.Index(c.Global("package"), vm.String(name))
}

func require(c *vm.Call, loading *vm.UserData) int {
	name := c.String(1)
	key := vm.String(name)
	loaded := loadedTable(c)
	if x := c.Index(loaded, key); x != vm.Nil && x != vm.False {
		if x == vm.Value(loading) {
			c.Error("loop or previous error loading module '%s'", name)
		}
		c.Push(x)
		return 1
	}
	if t, ok := c.Global(name).(*vm.Table); ok {
		c.Push(t) // meant for modules of the firmware; any global table will do (oracle: lua-suite.json, attrib)
		return 1
	}
	loaders, ok := packageField(c, "loaders").(*vm.Table)
	if !ok {
		c.Error("'package.loaders' must be a table")
	}
	c.PushTable(loaders) // likewise
	c.PushString("")     // what has been tried
	for i := 1; ; i++ {
		c.PushRawInt(loaders, i)
		if c.IsNil(c.Top()) {
			tried, _ := c.StringAt(c.Top() - 1)
			if c.VM.OnAbsent != nil {
				c.VM.OnAbsent(name)
			}
			c.Error("module '%s' not found:%s", name, tried)
		}
		c.PushString(name)
		c.CallTop(1, 1)
		if c.IsFunctionAt(c.Top()) {
			break
		} else if c.IsString(c.Top()) {
			c.ConcatTop(2)
		} else {
			c.Pop(1)
		}
		c.VM.ChargeSteps(1)
	}
	loader := c.Arg(c.Top())
	c.VM.SetField(loaded, name, loading)
	if x := c.Invoke(loader, 1, key)[0]; x != vm.Nil {
		c.VM.SetField(loaded, name, x)
	}
	x := c.Index(loaded, key)
	if x == vm.Value(loading) { // the module said nothing
		x = vm.True
		c.VM.SetField(loaded, name, x)
	}
	c.Push(x)
	return 1
}

func preloadLoader(c *vm.Call) int {
	name := c.String(1)
	preload, ok := packageField(c, "preload").(*vm.Table)
	if !ok {
		c.Error("'package.preload' must be a table")
	}
	x := c.Index(preload, vm.String(name))
	if x == vm.Nil {
		return c.ReturnString("\n\tno field package.preload['" + name + "']")
	}
	c.Push(x)
	return 1
}

// replaced pushes s with other in place of each old (luaL_gsub).
func replaced(c *vm.Call, s, old, other string) string {
	b := newBuffer(c)
	for {
		before, after, found := strings.Cut(s, old)
		b.string(before)
		if !found {
			break
		}
		b.string(other)
		s = after
	}
	b.finish()
	return c.String(c.Top())
}

// findFile looks for a module by the templates of package.pname. It returns the
// file's name and contents, or what it tried. It leaves strings on the stack, as the
// firmware's does.
func findFile(c *vm.Call, name, pname string) (file, source, problems string) {
	path, ok := c.VM.ToString(packageField(c, pname))
	if !ok {
		c.Error("'package.%s' must be a string", pname)
	}
	name = replaced(c, name, ".", "/")
	c.PushString("")
	for path != "" {
		var template string
		if template, path, _ = strings.Cut(path, ";"); template == "" {
			continue
		}
		top := c.Top()
		c.PushString(template)
		file := replaced(c, template, "?", name)
		if data, ok := c.VM.ReadFile(file); ok {
			return file, string(data), ""
		}
		c.PushString("\n\tno file '" + file + "'")
		c.Copy(top+1, c.Top())
		c.SetTop(top + 1)
		c.ConcatTop(2)
	}
	return "", "", c.String(c.Top())
}

func luaLoader(c *vm.Call) int {
	name := c.String(1)
	file, source, problems := findFile(c, name, "path")
	if file == "" {
		data, ok := c.VM.Embedded(name)
		if !ok {
			return c.ReturnString(problems)
		}
		file, source = name+".lua", string(data)
	}
	fn, err := c.VM.Load([]byte(source), "@"+file)
	if err != nil {
		msg, _ := c.VM.ToString(message(err))
		c.Error("error loading module '%s' from file '%s':\n\t%s", name, file, msg)
	}
	c.VM.SetFunctionEnv(fn, c.ThreadEnv())
	c.Push(fn)
	return 1
}

const noDynamicLibraries = "dynamic libraries not enabled; check your Lua installation"

func cLoader(c *vm.Call) int {
	name := c.String(1)
	file, _, problems := findFile(c, name, "cpath")
	if file != "" {
		c.Error("error loading module '%s' from file '%s':\n\t%s", name, file, noDynamicLibraries)
	}
	return c.ReturnString(problems)
}

func allInOneLoader(c *vm.Call) int {
	name := c.String(1)
	root, _, dotted := strings.Cut(name, ".")
	if !dotted {
		return 0
	}
	file, _, problems := findFile(c, root, "cpath")
	if file != "" {
		c.Error("error loading module '%s' from file '%s':\n\t%s", name, file, noDynamicLibraries)
	}
	return c.ReturnString(problems)
}

func loadLib(c *vm.Call) int {
	c.String(1)
	c.String(2)
	c.Push(vm.Nil)
	c.Return(vm.String(noDynamicLibraries), vm.String("absent"))
	return 3
}

// findTable finds or makes the table that a dotted name denotes, from t on. It
// returns nil when something else is in the way (luaL_findtable).
func findTable(c *vm.Call, t *vm.Table, name string) *vm.Table {
	c.PushTable(t) // each on the stack, in the place of the one before
	at := c.Top()
	for _, part := range strings.Split(name, ".") {
		x := c.VM.RawGetString(t, part)
		child, ok := x.(*vm.Table)
		if !ok {
			if x != vm.Nil {
				return nil
			}
			child = c.VM.NewTable(0, 1)
			c.VM.SetField(t, part, child)
		}
		t = child
		c.PushTable(t)
		c.Copy(at, c.Top())
		c.Pop(1)
	}
	return t
}

func module(c *vm.Call) int {
	name := c.String(1)
	options := args(c, 2)
	if _, ok := c.Global(name).(*vm.Table); ok {
		return 0 // as in require
	}
	loaded := loadedTable(c)
	t, ok := c.Index(loaded, vm.String(name)).(*vm.Table)
	if !ok {
		if t = findTable(c, c.ThreadEnv(), name); t == nil {
			c.Error("name conflict for module '%s'", name)
		}
		c.VM.SetField(loaded, name, t)
	}
	c.PushTable(t)
	if c.Index(t, vm.String("_NAME")) == vm.Nil {
		c.VM.SetField(t, "_M", t)
		c.VM.Intern(name)
		c.VM.SetField(t, "_NAME", vm.String(name))
		parent := name[:strings.LastIndexByte(name, '.')+1]
		c.VM.Intern(parent)
		c.VM.SetField(t, "_PACKAGE", vm.String(parent))
	}
	fn, _ := c.FunctionAt(1)
	if fn == nil || vm.IsNative(fn) {
		c.Error("'module' not called from a Lua function")
	}
	c.VM.SetFunctionEnv(fn, t)
	for _, option := range options {
		c.Invoke(option, 0, t)
	}
	return 0
}

func seeAll(c *vm.Call) int {
	t := c.Table(1)
	mt, ok := c.VM.RawMetatable(t).(*vm.Table)
	if !ok {
		mt = c.VM.NewTable(0, 1)
		c.VM.SetMetatable(t, mt)
	}
	c.VM.SetField(mt, "__index", c.ThreadEnv())
	return 0
}
