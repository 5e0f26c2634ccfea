// Package luasyntax reads Lua 5.1 source as the firmware's compiler does and
// gives it to gopher-lua's code generator as a syntax tree. It replaces
// gopher-lua's own parser, which accepts another language (goto, labels, octal
// numbers), words its errors differently, knows none of the firmware's limits,
// and leaves deep nesting to the host's stack.
//
// It also bends the tree around what gopher-lua's code generator gets wrong:
// multiple assignment to locals (see assign.go) and locals that are initialized
// with a function (see stat.go).
//
// The grammar, the limits and the messages are those of the firmware's
// app/lua/llex.c and lparser.c. The package knows nothing of the VM.
package luasyntax

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"
)

// Limits of the firmware's compiler (oracle: memory-sizes.json, limits).
const (
	maxLevels   = 200 // LUAI_MAXCCALLS: nested syntactical levels
	maxVars     = 50  // LUAI_MAXVARS: local variables per function
	maxUpvalues = 60  // LUAI_MAXUPVALUES: upvalues per function
)

// Limits of our own, for the host's sake. What passes them could not run on the
// chip, whose whole memory is 80 KB: an expression is an instruction of 4 bytes
// or a constant of 12. Chains such as a+b+c…, which the firmware compiles in a
// loop and gopher-lua by recursion, have a limit of their own.
const (
	maxNodes     = 64 << 10 // expressions and statements of a chunk
	maxConstants = 8 << 10  // constants of one function
	maxChain     = 4000     // operators or suffixes in a row
)

// Error is a syntax error. Message is complete but for the chunk's name and the
// line: "'=' expected near 'x'".
type Error struct {
	Line    int
	Message string
	Memory  bool // the program is too big for the chip's memory
}

func (e *Error) Error() string { return fmt.Sprintf("%d: %s", e.Line, e.Message) }

// Parse reads a chunk.
func Parse(source string) (chunk []ast.Stmt, err *Error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			chunk, err = nil, r
		default:
			panic(r)
		}
	}()
	p := &parser{lex: lexer{src: source, line: 1, lastLine: 1}}
	p.fs = &funcState{vararg: true, constants: map[constant]struct{}{}}
	p.lex.next()
	chunk = p.chunk()
	p.check(tkEOF)
	return chunk, nil
}
