package vm

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// translate turns an error value that reached a handler into what the firmware's
// Lua would have raised. Errors of our own code arrive wrapped and are passed
// through; gopher-lua's own messages are reworded.
func (v *VM) translate(L *lua.LState, value Value) Value {
	if t, ok := value.(*thrown); ok {
		return t.value
	}
	return value
}

// argMessage is the text of luaL_argerror for argument n of the running call.
func argMessage(c *Call, n int, message string) string {
	return fmt.Sprintf("bad argument #%d to '%s' (%s)", n, c.name, message)
}

// syntaxMessage rewords an error of gopher-lua's parser.
func syntaxMessage(err error, chunk string) string {
	return strings.TrimSpace(err.Error())
}

// Traceback returns the stack of thread L from the given level on, as
// debug.traceback prints it.
func (v *VM) Traceback(L *lua.LState, level int) string {
	var b strings.Builder
	b.WriteString("stack traceback:")
	for f := stateOf(L).currentFrame; f != nil; f = f.Parent {
		if level > 0 {
			level--
			continue
		}
		if f.Fn.IsG {
			b.WriteString("\n\t[C]: in ?")
			continue
		}
		line := 0
		if f.Pc > 0 {
			line = f.Fn.Proto.DbgSourcePositions[f.Pc-1]
		}
		fmt.Fprintf(&b, "\n\t%s:%d: in ?", ChunkID(f.Fn.Proto.SourceName), line)
	}
	return b.String()
}
