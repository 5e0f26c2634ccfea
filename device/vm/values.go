package vm

import lua "github.com/yuin/gopher-lua"

// The Lua values, under the names the rest of the simulator uses.
type (
	Value    = lua.LValue
	Bool     = lua.LBool
	Number   = lua.LNumber
	String   = lua.LString
	Table    = lua.LTable
	Function = lua.LFunction
	UserData = lua.LUserData
	Thread   = lua.LState
)

// Constants of the value types.
var (
	Nil   = lua.LNil
	True  = lua.LTrue
	False = lua.LFalse
)

// Func is a function of the firmware as Lua sees it: its name in its table and
// the Go code behind it. Fn leaves its results on the call (Return, Push) and
// returns their number.
type Func struct {
	Name string
	Fn   func(*Call) int
}

// Const is a named constant of a firmware module.
type Const struct {
	Name  string
	Value Value
}

// Type describes a userdata type: its name as the firmware registers it (it
// shows in messages, e.g. "net.tcpsocket"), its methods, and what __gc does
// when the collector finds an object unreachable.
type Type struct {
	Name    string
	Methods []Func
	GC      func(object any) // may be nil
}
