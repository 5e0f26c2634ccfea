//lint:file-ignore U1000 the ours types repeat every field of the theirs ones, used or not

package vm

import (
	"context"
	"fmt"
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// The types below repeat gopher-lua's unexported ones field by field. They let
// the hook see the instruction about to run and its registers, and the mark walk
// tables and stacks without allocating. checkLayout compares each with the theirs
// type at start-up: with another gopher-lua version the program refuses to start
// instead of reading a wrong number.

type iface struct{ tab, data unsafe.Pointer }

type luaState struct {
	G       *lua.Global
	Parent  *lua.LState
	Env     *lua.LTable
	Panic   func(*lua.LState)
	Dead    bool
	Options lua.Options

	stop         int32
	reg          *luaRegistry
	stack        iface
	alloc        unsafe.Pointer
	currentFrame *luaFrame
	wrapped      bool
	uvcache      *luaUpvalue
	hasErrorFunc bool
	mainLoop     func(*lua.LState, *luaFrame)
	ctx          context.Context
	ctxCancelFn  context.CancelFunc
}

type luaRegistry struct {
	array   []lua.LValue
	top     int
	growBy  int
	maxSize int
	alloc   unsafe.Pointer
	handler iface
}

type luaFrame struct {
	Idx        int
	Fn         *lua.LFunction
	Parent     *luaFrame
	Pc         int
	Base       int
	LocalBase  int
	ReturnBase int
	NArgs      int
	NRet       int
	TailCall   int
}

type luaUpvalue struct {
	next   *luaUpvalue
	reg    *luaRegistry
	index  int
	value  lua.LValue
	closed bool
}

type luaTable struct {
	Metatable lua.LValue

	array   []lua.LValue
	dict    map[lua.LValue]lua.LValue
	strdict map[string]lua.LValue
	keys    []lua.LValue
	k2i     map[lua.LValue]int
}

func stateOf(L *lua.LState) *luaState      { return (*luaState)(unsafe.Pointer(L)) }
func tableOf(t *lua.LTable) *luaTable      { return (*luaTable)(unsafe.Pointer(t)) }
func upvalueOf(u *lua.Upvalue) *luaUpvalue { return (*luaUpvalue)(unsafe.Pointer(u)) }

func init() {
	if err := checkLayout(); err != nil {
		panic("vm: this gopher-lua is not the version that nodemcu-sim was built for: " + err.Error())
	}
}

// checkLayout compares every ours type with gopher-lua's own.
func checkLayout() error {
	state := reflect.TypeOf(lua.LState{})
	field := func(t reflect.Type, name string) (reflect.Type, error) {
		f, ok := t.FieldByName(name)
		if !ok {
			return nil, fmt.Errorf("%v has no field %s", t, name)
		}
		if f.Type.Kind() == reflect.Pointer {
			return f.Type.Elem(), nil
		}
		return f.Type, nil
	}
	reg, err := field(state, "reg")
	if err != nil {
		return err
	}
	frame, err := field(state, "currentFrame")
	if err != nil {
		return err
	}
	for _, p := range []struct{ theirs, ours reflect.Type }{
		{state, reflect.TypeOf(luaState{})},
		{reg, reflect.TypeOf(luaRegistry{})},
		{frame, reflect.TypeOf(luaFrame{})},
		{reflect.TypeOf(lua.Upvalue{}), reflect.TypeOf(luaUpvalue{})},
		{reflect.TypeOf(lua.LTable{}), reflect.TypeOf(luaTable{})},
	} {
		if err := sameLayout(p.theirs, p.ours); err != nil {
			return err
		}
	}
	return nil
}

func sameLayout(theirs, ours reflect.Type) error {
	if theirs.NumField() != ours.NumField() || theirs.Size() != ours.Size() {
		return fmt.Errorf("%v has %d fields in %d bytes, expected %d in %d",
			theirs, theirs.NumField(), theirs.Size(), ours.NumField(), ours.Size())
	}
	for i := 0; i < theirs.NumField(); i++ {
		r, s := theirs.Field(i), ours.Field(i)
		if r.Name != s.Name || r.Offset != s.Offset || r.Type.Size() != s.Type.Size() {
			return fmt.Errorf("%v.%s is not where it was expected", theirs, r.Name)
		}
	}
	return nil
}

// entry returns the value of a key that t.keys lists, and whether it has one.
func (t *luaTable) entry(k lua.LValue) (x lua.LValue, ok bool) {
	if str, isString := k.(lua.LString); isString {
		x, ok = t.strdict[string(str)]
	} else {
		x, ok = t.dict[k]
	}
	return x, ok && x != lua.LNil
}
