package vm

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// What an error message costs. The firmware glues messages from pieces, each of
// which is a string for a while; near the limit that decides whether a program
// gets its error or "not enough memory" instead.

// formatted accounts for lua_pushfstring: the pieces of a message, numbers among
// them as numbers, and the message.
func (m *memory) formatted(L *lua.LState, pieces ...lua.LValue) {
	n := len(m.pins)
	for _, p := range pieces {
		if s, ok := p.(lua.LString); ok {
			m.intern(string(s))
			m.v.pin(p)
		}
	}
	m.concat(L, pieces)
	m.pins = m.pins[:n]
}

// split takes "file:line: " apart.
func splitWhere(where string) (file string, line lua.LNumber) {
	body := strings.TrimSuffix(where, ": ")
	i := strings.LastIndexByte(body, ':')
	if i < 0 {
		return body, 0
	}
	n, _ := strconv.Atoi(body[i+1:])
	return body[:i], lua.LNumber(n)
}

// chargeWhere accounts for luaL_where having made where.
func (m *memory) chargeWhere(L *lua.LState, where string) {
	if !m.on || where == "" {
		return
	}
	file, line := splitWhere(where)
	m.formatted(L, lua.LString(""), lua.LString(""), lua.LString(file), lua.LString(":"), line, lua.LString(": "))
}

// chargeRunError accounts for luaG_runerror: message with its position before it.
func (m *memory) chargeRunError(L *lua.LState, where, message string) {
	if !m.on {
		return
	}
	m.intern(message)
	if where == "" {
		return
	}
	file, line := splitWhere(where)
	n := len(m.pins)
	m.v.pin(lua.LString(message))
	m.formatted(L, lua.LString(""), lua.LString(""), lua.LString(file), lua.LString(":"), line, lua.LString(": "),
		lua.LString(message), lua.LString(""))
	m.pins = m.pins[:n]
}

// chargeError accounts for luaL_error: position, message, and both together.
func (m *memory) chargeError(L *lua.LState, where, message string) {
	if !m.on {
		return
	}
	n := len(m.pins)
	m.chargeWhere(L, where)
	m.v.pin(lua.LString(where))
	m.intern(message)
	if where != "" {
		m.concat(L, []lua.LValue{lua.LString(where), lua.LString(message)})
	}
	m.pins = m.pins[:n]
}

// runError raises what luaG_runerror does: an error of the VM itself, at the
// position of frame f.
func (v *VM) runError(L *lua.LState, f *luaFrame, message string) {
	where := f.where()
	v.mem.chargeRunError(L, where, message)
	v.throw(L, String(where+message))
}
