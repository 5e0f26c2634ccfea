package membrane

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// The globals of the near side: what a program that looks at another one does with itself is
// its own business, so the functions of the language are those of the near VM; they see
// through proxies. Everything else is the far side's.

// own are the near VM's functions and modules that it has of its own.
var own = []string{"assert", "error", "getfenv", "getmetatable", "ipairs", "load", "loadstring", "newproxy", "next", "pairs",
	"pcall", "rawequal", "rawget", "rawset", "select", "setfenv", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall",
	"coroutine", "debug", "math", "string", "table"}

// theirs are functions that are the far side's when they are given a value of it.
var theirs = []string{"getfenv", "getmetatable", "rawset", "setfenv", "setmetatable", "tostring", "unpack"}

// theirsIn are the same of modules.
var theirsIn = []struct {
	module string
	names  []string
}{
	{"table", []string{"concat", "foreach", "foreachi", "getn", "insert", "maxn", "remove", "setn", "sort"}},
	{"coroutine", []string{"resume", "status"}},
	{"string", []string{"dump"}},
}

// open makes the globals.
func (m *Membrane) open() {
	near := m.near
	g, rom := near.Globals(), near.ROMGlobals()
	m.language = map[string]vm.Value{}
	for _, name := range own {
		x := near.RawGetString(g, name)
		if x == vm.Nil {
			x = near.RawGetString(rom, name)
		}
		m.language[name] = x
		near.Hold(x) // some lie in memory
	}
	for _, name := range theirs {
		m.language[name] = m.forwarding("", name, m.language[name])
	}
	for _, of := range theirsIn {
		from := m.language[of.module].(*vm.Table)
		var funcs []vm.Func
		var consts []vm.Const
		for k, x, ok := near.RawNext(from, vm.Nil); ok && k != vm.Nil; k, x, ok = near.RawNext(from, k) {
			consts = append(consts, vm.Const{Name: string(k.(vm.String)), Value: x})
		}
		t := near.NewROMTable(of.module, funcs, consts)
		for _, name := range of.names {
			if x := near.RawGetString(from, name); x != vm.Nil {
				near.SetField(t, name, m.forwarding(of.module, name, x))
			}
		}
		m.language[of.module] = t
	}
	next := near.NewFunction(vm.Func{Name: "next", Fn: m.next})
	m.language["next"] = next
	m.language["pairs"] = m.proxies("pairs", func(c *vm.Call, h *handle) int { return c.Return(next, c.Arg(1), vm.Nil) })
	step := near.NewFunction(vm.Func{Name: "ipairs", Fn: func(c *vm.Call) int {
		t := m.selfAt(c, 1).x.(*vm.Table)
		n := c.Int(2) + 1
		x := m.far.RawGetInt(t, n)
		if x == vm.Nil {
			return c.ReturnNil()
		}
		c.PushNumber(float64(n))
		return 1 + m.pushAllNear(c, []val{m.fromFar(x)})
	}})
	m.language["ipairs"] = m.proxies("ipairs", func(c *vm.Call, h *handle) int { return c.Return(step, c.Arg(1), vm.Number(0)) })
	m.language["rawget"] = m.proxies("rawget", func(c *vm.Call, h *handle) int {
		return m.pushAllNear(c, []val{m.fromFar(m.raw(h.x.(*vm.Table), m.fromNear(c, 2)))})
	})
	// collectgarbage is the far side's, which frees nothing that garbage of the near one refers to.
	m.language["collectgarbage"] = near.NewFunction(vm.Func{Name: "collectgarbage", Fn: func(c *vm.Call) int {
		if m.far == nil {
			c.Error("the device is off")
		}
		if c.OptString(1, "collect") == "collect" {
			m.Collect()
		}
		return m.callFirmware(c, m.argsFromNear(c, 1), "collectgarbage")
	}})
	m.language["type"] = near.NewFunction(vm.Func{Name: "type", Fn: func(c *vm.Call) int {
		c.CheckAny(1)
		if h := m.proxied(c.Arg(1)); h != nil && !m.stale(h) {
			return c.ReturnString(m.far.TypeName(h.x))
		}
		return c.ReturnString(c.TypeName(1))
	}})

	var names []vm.Value
	for k, _, ok := near.RawNext(g, vm.Nil); ok && k != vm.Nil; k, _, ok = near.RawNext(g, k) {
		names = append(names, k)
	}
	near.SetMetatable(g, vm.Nil)
	for _, k := range names {
		near.RawSet(g, k, vm.Nil)
	}
	near.SetMetatable(g, near.NewROMTable("globals", []vm.Func{
		{Name: "__index", Fn: func(c *vm.Call) int {
			if name, ok := c.Arg(2).(vm.String); ok {
				if x, ok := m.language[string(name)]; ok {
					return c.Return(x)
				}
			}
			return m.ofGlobals(c, m.index)
		}},
		{Name: "__newindex", Fn: func(c *vm.Call) int { return m.ofGlobals(c, m.newIndex) }},
	}, nil))
}

// ofGlobals does what is asked for of the far side's globals.
func (m *Membrane) ofGlobals(c *vm.Call, do func(c *vm.Call) int) int {
	if m.globals == nil {
		c.Error("the device is off")
	}
	m.pushNear(c, val{h: m.globals})
	c.Copy(1, c.Top())
	c.Pop(1)
	return do(c)
}

// Globals pushes the far side's global table.
func (m *Membrane) Globals(c *vm.Call) { m.pushNear(c, val{h: m.globals}) }

// Push pushes a value of the far side on the near one.
func (m *Membrane) Push(c *vm.Call, x vm.Value) {
	m.pushAllNear(c, []val{m.fromFar(x)})
}

// callFirmware calls a function of the far side's firmware.
func (m *Membrane) callFirmware(c *vm.Call, args []val, names ...string) int {
	var x vm.Value = m.far.ROMGlobals()
	for _, name := range names {
		x = m.far.RawGetString(x.(*vm.Table), name)
	}
	if x == vm.Nil { // these are in RAM: pairs, ipairs
		x = m.far.RawGetString(m.far.Globals(), names[0])
	}
	h := m.handleOf(x)
	h.way++
	defer m.landed([]val{{h: h}})
	return m.callFar(c, h, args)
}

// forwarding is a function that is the far side's if one of its first two arguments is, and
// fn otherwise.
func (m *Membrane) forwarding(module, name string, fn vm.Value) vm.Value {
	path := []string{name}
	if module != "" {
		path = []string{module, name}
	}
	of := 1
	if name == "setmetatable" { // a table of the near side moves to its metatable
		of = 2
	}
	return m.near.NewFunction(vm.Func{Name: name, Fn: func(c *vm.Call) int {
		for n := 1; n <= of; n++ {
			if h := m.proxied(c.Arg(n)); h != nil {
				m.self(c, h)
				return m.callFirmware(c, m.argsFromNear(c, 1), path...)
			}
		}
		return c.Delegate(fn.(*vm.Function))
	}})
}

// proxies is a function of the near side that does something else for a proxy of a table.
func (m *Membrane) proxies(name string, do func(c *vm.Call, h *handle) int) vm.Value {
	fn := m.language[name]
	return m.near.NewFunction(vm.Func{Name: name, Fn: func(c *vm.Call) int {
		if h := m.proxied(c.Arg(1)); h != nil {
			if _, ok := m.self(c, h).x.(*vm.Table); ok {
				return do(c, h)
			}
		}
		return c.Delegate(fn.(*vm.Function))
	}})
}

func (m *Membrane) next(c *vm.Call) int {
	if h := m.proxied(c.Arg(1)); h != nil {
		if t, ok := m.self(c, h).x.(*vm.Table); ok {
			key, found := m.asKey(m.fromNear(c, 2))
			if s, ok := key.(vm.String); ok && !m.far.IsROM(t) { // it makes no string
				found = m.far.HasString(string(s))
			}
			if found {
				k, x, ok := m.far.RawNext(t, key)
				switch {
				case ok && k == vm.Nil:
					return c.ReturnNil()
				case ok:
					return m.pushAllNear(c, []val{m.fromFar(k), m.fromFar(x)})
				}
			}
			c.Raise("invalid key to 'next'")
		}
	}
	t := c.Table(1)
	if c.NArgs() < 2 {
		c.PushNil()
	}
	if !c.PushNext(t, 2) {
		return c.ReturnNil()
	}
	return 2
}
