package luasyntax

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"
)

// parser is a recursive-descent parser over a lexer, shaped as the firmware's so
// that it finds the same error at the same token.
type parser struct {
	lex     lexer
	fs      *funcState
	level   int // nested syntactical levels
	nodes   int
	watches []*watch
}

// watch notices whether a name is looked up in function fs.
type watch struct {
	fs   *funcState
	name string
	seen bool
}

// funcState is a function being parsed: what the limits and the meaning of names
// need. Code is generated later, by gopher-lua.
type funcState struct {
	parent      *funcState
	lineDefined int
	vararg      bool
	vars        []string // active local variables
	upvalues    []string
	loops       int // loops around the current statement
	constants   map[constant]struct{}
}

// constant is an entry of a function's constant table.
type constant struct {
	text   string
	num    float64
	number bool
}

// syntaxError raises an error near the current token.
func (p *parser) syntaxError(message string) {
	p.lex.fail(message, p.lex.tok, p.lex.raw)
}

func (p *parser) expected(t token) { p.syntaxError(fmt.Sprintf("'%s' expected", t)) }

// limit raises an error when a function has too many of something.
func (p *parser) limit(n, limit int, what string) {
	if n <= limit {
		return
	}
	where := "main function"
	if p.fs.lineDefined != 0 {
		where = fmt.Sprintf("function at line %d", p.fs.lineDefined)
	}
	p.lex.fail(fmt.Sprintf("%s has more than %d %s", where, limit, what), 0, "")
}

// enter counts a syntactical level; leave it with leave.
func (p *parser) enter() {
	if p.level++; p.level > maxLevels {
		p.lex.fail("chunk has too many syntax levels", 0, "")
	}
}

func (p *parser) leave() { p.level-- }

// node counts an expression or statement of the chunk.
func (p *parser) node() {
	if p.nodes++; p.nodes > maxNodes {
		p.tooBig()
	}
}

func (p *parser) tooBig() {
	panic(&Error{Line: p.lex.line, Message: "not enough memory", Memory: true})
}

// constant notes a constant of the current function.
func (p *parser) constant(c constant) {
	if p.fs.constants[c] = struct{}{}; len(p.fs.constants) > maxConstants {
		p.tooBig()
	}
}

// chain counts one more operator or suffix in a row.
func (p *parser) chain(n *int) {
	if *n++; *n > maxChain {
		p.syntaxError("function or expression too complex")
	}
}

func (p *parser) test(t token) bool {
	if p.lex.tok != t {
		return false
	}
	p.lex.next()
	return true
}

func (p *parser) check(t token) {
	if p.lex.tok != t {
		p.expected(t)
	}
}

func (p *parser) expect(t token) {
	p.check(t)
	p.lex.next()
}

// match expects t, which closes the token open of the given line.
func (p *parser) match(t, open token, line int) {
	if p.lex.tok == t {
		p.lex.next()
		return
	}
	if line == p.lex.line {
		p.expected(t)
	}
	p.syntaxError(fmt.Sprintf("'%s' expected (to close '%s' at line %d)", t, open, line))
}

func (p *parser) name() string {
	p.check(tkName)
	s := p.lex.text
	p.lex.next()
	return s
}

// stringConst returns a name or text as a constant of the current line.
func (p *parser) stringConst(s string) *ast.StringExpr {
	p.constant(constant{text: s})
	e := &ast.StringExpr{Value: s}
	e.SetLine(p.lex.lastLine)
	return e
}

// declare makes names active as local variables. Hidden ones, as the firmware's
// loops have, count too.
func (p *parser) declare(names ...string) {
	for _, n := range names {
		p.limit(len(p.fs.vars)+1, maxVars, "local variables")
		p.fs.vars = append(p.fs.vars, n)
	}
}

// checkVars raises the error of too many locals already while a declaration is
// being read, as the firmware does.
func (p *parser) checkVars(n int) { p.limit(len(p.fs.vars)+n, maxVars, "local variables") }

// Kinds of variables.
type varKind int

const (
	globalVar varKind = iota
	localVar
	upvalueVar
)

// resolve finds what a name means in function fs, and notes upvalues on the way.
func (p *parser) resolve(fs *funcState, name string) varKind {
	for _, w := range p.watches {
		if w.fs == fs && w.name == name {
			w.seen = true
		}
	}
	for i := len(fs.vars) - 1; i >= 0; i-- {
		if fs.vars[i] == name {
			return localVar
		}
	}
	if fs.parent == nil || p.resolve(fs.parent, name) == globalVar {
		return globalVar
	}
	for _, u := range fs.upvalues {
		if u == name {
			return upvalueVar
		}
	}
	fs.upvalues = append(fs.upvalues, name)
	saved := p.fs
	p.fs = fs
	p.limit(len(fs.upvalues), maxUpvalues, "upvalues")
	p.fs = saved
	return upvalueVar
}

// scope runs body with its own local variables.
func (p *parser) scope(body func()) {
	n := len(p.fs.vars)
	body()
	p.fs.vars = p.fs.vars[:n]
}

// block reads statements with local variables of their own.
func (p *parser) block() (stmts []ast.Stmt) {
	p.scope(func() { stmts = p.chunk() })
	return stmts
}

// chunk reads statements up to a token that ends a block.
func (p *parser) chunk() []ast.Stmt {
	stmts := []ast.Stmt{}
	p.enter()
	for last := false; !last && !p.blockFollow(); {
		var s ast.Stmt
		s, last = p.statement()
		stmts = append(stmts, s)
		p.test(';')
	}
	p.leave()
	return stmts
}

// blockFollow reports whether the current token ends a block.
func (p *parser) blockFollow() bool {
	switch p.lex.tok {
	case tkElse, tkElseif, tkEnd, tkUntil, tkEOF:
		return true
	}
	return false
}
