package vm

// The stack of a call, by position, for functions that handle many values: what
// the firmware's libraries do through lua_rawgeti, lua_insert and so on. Positions
// count from 1, the first argument; beyond the arguments stands what was pushed.

// Top is the number of values on the call's stack.
func (c *Call) Top() int { return c.th.top - c.base }

// PushCopy pushes the value at position n (lua_pushvalue).
func (c *Call) PushCopy(n int) { c.push(c.at(n)) }

// PushNumber pushes a number.
func (c *Call) PushNumber(f float64) { c.push(number(f)) }

// PushNil pushes nil.
func (c *Call) PushNil() { c.push(value{}) }

// PushBool pushes a boolean.
func (c *Call) PushBool(b bool) { c.push(boolean(b)) }

// PushUpvalue pushes value n of the closure that is running.
func (c *Call) PushUpvalue(n int) { c.push(c.fn.values[n-1]) }

// IsNil reports whether the value at position n is nil.
func (c *Call) IsNil(n int) bool { return c.at(n).isNil() }

// IsFunctionAt reports whether a function stands at position n.
func (c *Call) IsFunctionAt(n int) bool { return c.at(n).isFunction() }

// IsStringAt reports whether a string, and no number, stands at position n.
func (c *Call) IsStringAt(n int) bool { return c.at(n).isString() }

// Copy puts the value at position from at position to (lua_replace, but that it
// stays where it was).
func (c *Call) Copy(to, from int) { c.th.stack[c.base+to-1] = c.at(from) }

// PushRawInt pushes t[i] (lua_rawgeti).
func (c *Call) PushRawInt(t *Table, i int) {
	if t.rom != nil {
		c.push(value{})
		return
	}
	c.push(t.getInt(i))
}

// RawSetIntTop stores the topmost value as t[i] and takes it off (lua_rawseti).
func (c *Call) RawSetIntTop(t *Table, i int) {
	L := c.th
	c.VM.checkWritable(t)
	x := L.stack[L.top-1]
	if uint(i-1) < uint(len(t.array)) {
		t.absent = 0
		t.store(c.VM.mem, &t.array[i-1], x)
	} else {
		L.fixed = true
		t.set(c.VM.mem, number(float64(i)), x)
		L.fixed = false
	}
	L.top--
}

// PushRaw pushes t[k] for the value at position n as k, without metamethods.
func (c *Call) PushRaw(t *Table, n int) { c.push(c.VM.get(t, c.at(n))) }

// RawSetAt stores the value at position x under that at position key, without
// metamethods (lua_rawset).
func (c *Call) RawSetAt(t *Table, key, x int) {
	k, y := c.at(key), c.at(x)
	c.VM.checkWritable(t)
	c.VM.checkKey(k)
	c.th.fixed = true
	t.set(c.VM.mem, k, y)
	c.th.fixed = false
}

// PushNext pushes the entry of t that follows the key at position n, key and value,
// and reports false, pushing nothing, at the end (lua_next).
func (c *Call) PushNext(t *Table, n int) bool {
	k, x, ok := c.VM.next(t, c.at(n))
	if !ok {
		c.VM.runError("invalid key to 'next'")
	}
	if k.isNil() {
		return false
	}
	c.push(k)
	c.push(x)
	return true
}

// CallTop calls the function below the nargs topmost values (lua_call). With nret
// -1 all results stay; it returns how many there are.
func (c *Call) CallTop(nargs, nret int) int {
	at := c.th.top - nargs - 1
	c.callAt(at, nret)
	return c.th.top - at
}

// PCallTop is CallTop, protected. handler is the position of a message handler, 0
// for none. After an error its value is the only result.
func (c *Call) PCallTop(nargs, nret, handler int) (ok bool) {
	v, L := c.VM, c.th
	at := L.top - nargs - 1
	if handler > 0 {
		handler += c.base - 1
	}
	ok = v.protect(L, at, nret, handler)
	v.running = L
	if ci := &L.ci[L.nci]; nret == allOfIt && L.top >= ci.top {
		ci.top = L.top
	}
	return ok
}

// LessAt compares the values at two positions (lua_lessthan).
func (c *Call) LessAt(a, b int) bool { return c.VM.lessThan(c.th, c.at(a), c.at(b)) }

// EqualAt is rawequal of the values at two positions.
func (c *Call) EqualAt(a, b int) bool { return c.at(a).same(c.at(b)) }

// StringAt is the string at position n, a number made one (lua_tolstring); ok is
// false for anything else.
func (c *Call) StringAt(n int) (s string, ok bool) {
	if x := c.at(n); !x.isString() {
		if !x.isNumber() {
			return "", false
		}
		c.VM.makeString(c.th, c.base+n-1)
		c.VM.mem.checkGC()
	}
	return c.at(n).str().text(), true
}

// Length is a border of t (lua_objlen).
func (c *Call) Length(t *Table) int { return c.VM.Len(t) }

// ObjectLength is the length of the value at position n, whatever it is: that of a
// string, a number as text, a table, the content of a userdata; 0 of anything else
// (lua_objlen).
func (c *Call) ObjectLength(n int) int {
	switch x := c.at(n); {
	case x.isTable():
		return c.VM.Len(x.table())
	case x.bits == kindUserData:
		return x.userdata().size
	}
	s, _ := c.StringAt(n)
	return len(s)
}

// Pop takes n values off (lua_pop).
func (c *Call) Pop(n int) { c.th.top -= n }

// Remove takes the value at position n out, and moves down what is above (lua_remove).
func (c *Call) Remove(n int) {
	L := c.th
	copy(L.stack[c.base+n-1:L.top], L.stack[c.base+n:L.top])
	L.top--
}

// PushGlobal pushes a global variable as a function sees it (lua_getglobal).
func (c *Call) PushGlobal(name string) {
	L := c.th
	c.push(value{})
	key := stringValue(c.VM.mem.intern(name))
	c.VM.index(L, L.top-1, tableValue(L.globals), key)
}

// InsertBelow puts the topmost value below the n values under it (lua_insert).
func (c *Call) InsertBelow(n int) {
	L := c.th
	s := L.stack[L.top-n-1 : L.top]
	x := s[n]
	for i := n; i > 0; i-- {
		s[i] = s[i-1]
	}
	s[0] = x
}

// PushMetafield pushes a field of the metatable of the value at position n and
// reports whether there is one; otherwise nothing stays (luaL_getmetafield). The
// name becomes a string of the script's wherever there is a metatable to look in.
func (c *Call) PushMetafield(n int, name string) bool {
	v, L := c.VM, c.th
	mt := v.metatable(c.at(n))
	if mt == nil {
		return false
	}
	c.push(tableValue(mt))
	c.PushString(name)
	x := v.get(mt, L.stack[L.top-1])
	L.stack[L.top-1] = x
	if x.isNil() {
		L.top -= 2
		return false
	}
	L.stack[L.top-2] = x
	L.top--
	return true
}

// IsThreadAt reports whether a coroutine stands at position n; ThreadAt is that
// coroutine.
func (c *Call) IsThreadAt(n int) bool       { return c.at(n).bits == kindThread }
func (c *Call) ThreadAt(n int) *Thread      { return c.at(n).thread() }
func (c *Call) PushThread(t *Thread)        { c.push(threadValue(t)) }
func (c *Call) PushTable(t *Table)          { c.push(tableValue(t)) }
func (c *Call) UpvalueThread(n int) *Thread { return c.fn.values[n-1].thread() }

// ThrowTop raises the topmost value as an error, as it is (lua_error).
func (c *Call) ThrowTop() { c.VM.raiseValue(c.th.stack[c.th.top-1]) }

// PushWhere pushes "file:line: " of the function at a level, or "" (luaL_where).
func (c *Call) PushWhere(level int) {
	c.th.hostSlots(1)
	c.VM.pushWhere(c.th, level)
}

// DisplayAt makes the value at position n, in its place, the string that tostring
// makes of a value without __tostring.
func (c *Call) DisplayAt(n int) {
	x := c.at(n)
	switch x.bits {
	case kindNil:
		c.PushString("nil")
	case kindTrue:
		c.PushString("true")
	case kindFalse:
		c.PushString("false")
	case kindString:
		return
	default:
		if s, ok := c.StringAt(n); ok {
			c.PushString(s)
			break
		}
		c.VM.mem.checkGC()
		c.VM.pushf(c.th, "%s: %s", x.typeName(), c.VM.Address(x.boundary()))
	}
	c.Copy(n, c.Top())
	c.Pop(1)
}

// IndexTop replaces the topmost value by what t has under it as a key, with
// metamethods (lua_gettable).
func (c *Call) IndexTop(t *Table) {
	L := c.th
	c.VM.index(L, L.top-1, tableValue(t), L.stack[L.top-1])
}
