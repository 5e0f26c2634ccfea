package pipe

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
)

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\nstack traceback")
	return strings.TrimPrefix(line, "Lua error: \tstdin:1: ")
}

func TestPipe(t *testing.T) {
	for _, tt := range []struct{ name, lua, want string }{
		{"lines", "p = pipe.create() p:write('a\\nbc\\nd') print(p:read(), p:read(), p:read(), p:read())", "a\tbc\td\tnil"},
		{"lines with their ends", "p = pipe.create() p:write('a\\nb') print(#p:read('\\n+'), #p:read('\\n+'))", "2\t1"},
		{"sizes", "p = pipe.create() p:write('abcdefg') print(p:read(3), p:read(3), p:read(3), p:read(3))", "abc\tdef\tg\tnil"},
		{"unread", "p = pipe.create() p:write('bc') p:unread('a') print(p:read(10))", "abc"},
		{"an empty record", "p = pipe.create() p:write(';x') print(#p:read(';'), p:read(';'))", "0\tx"},
		{"chunks", "p = pipe.create() s = 'x' for i = 1, 9 do s = s..s end p:write(s) print(p:nrec()) p:write('y') print(p:nrec()) p:unread(s) print(p:nrec()) print(#p:read(513), p:nrec())", "2\n3\n5\n513\t3"},
		{"reader", "p = pipe.create() p:write('a;b;c') for r in p:reader(';') do print(r) end", "a\nb\nc"},
		{"what is called when something was written", "p = pipe.create(function(p) print('got', p:read(100)) end) p:write('a') p:write('b') print('after')", "after\ngot\tab"},
		{"true asks for another turn", "p = pipe.create(function(p) print(p:read(1)) return true end) p:write('abc')", "a\nb\nc"},
		{"false does not", "p = pipe.create(function(p) print(p:read(1)) return false end) p:write('abc')", "a"},
		{"what the reader writes calls it again", "p = pipe.create(function(p) s = p:read(9) print(s) if s == 'a' then p:write('b') end end) p:write('a')", "a\nb"},
		{"a pipe is a table", "print(type(pipe.create()))", "table"},
		{"as text", "print(tostring(pipe.create()):match('^Pipe: 0x%x+$') ~= nil)", "true"},
		{"not a string", "pipe.create():write({})", "bad argument #1 to 'write' (must be a string)"},
		{"bad size", "pipe.create():read(0)", "bad argument #1 to 'read' (invalid chunk size)"},
		{"bad delimiter", "pipe.create():read('ab')", "bad argument #1 to 'read' (invalid delimiter)"},
		{"bad priority", "pipe.create(print, 3)", "bad argument #2 to 'create' (invalid priority)"},
		{"the reader is gone", "p = pipe.create(print) w = p.write p[1] = 5 w(p, 'x')", "invalid post task"},
		{"bad reader", "pipe.create(1)", "bad argument #1 to 'create' (function expected, got number)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, nil, Module)
			if got := firstLine(x.Run(tt.lua)); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
