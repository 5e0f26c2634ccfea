package luasyntax

import (
	"math"
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// exprKind tells what may be done with a primary expression.
type exprKind int

const (
	kindValue exprKind = iota // neither variable nor call
	kindVar                   // a variable or an indexed one: may be assigned to
	kindCall
)

// Binary operators with their priorities (left, right) as the firmware has them.
var binary = map[token]struct {
	op          string
	left, right int
}{
	'+': {"+", 6, 6}, '-': {"-", 6, 6}, '*': {"*", 7, 7}, '/': {"/", 7, 7}, '%': {"%", 7, 7},
	'^': {"^", 10, 9}, tkConcat: {"..", 5, 4},
	tkNe: {"~=", 3, 3}, tkEq: {"==", 3, 3}, '<': {"<", 3, 3}, tkLe: {"<=", 3, 3}, '>': {">", 3, 3}, tkGe: {">=", 3, 3},
	tkAnd: {"and", 2, 2}, tkOr: {"or", 1, 1},
}

const unaryPriority = 8

func (p *parser) expr() ast.Expr { return p.subexpr(0) }

func (p *parser) exprList() []ast.Expr {
	list := []ast.Expr{p.expr()}
	for p.test(',') {
		list = append(list, p.expr())
	}
	return list
}

// subexpr reads an expression whose operators bind tighter than limit.
func (p *parser) subexpr(limit int) ast.Expr {
	p.enter()
	var e ast.Expr
	switch op := p.lex.tok; op {
	case tkNot, '-', '#':
		p.lex.next()
		e = p.unary(op, p.subexpr(unaryPriority))
	default:
		e = p.simpleExpr()
	}
	n := 0
	for {
		op, ok := binary[p.lex.tok]
		if !ok || op.left <= limit {
			break
		}
		p.chain(&n)
		p.lex.next()
		e = p.binary(op.op, e, p.subexpr(op.right))
	}
	p.leave()
	return e
}

func (p *parser) unary(op token, operand ast.Expr) (e ast.Expr) {
	p.node()
	switch op {
	case tkNot:
		e = &ast.UnaryNotOpExpr{Expr: operand}
	case '#':
		e = &ast.UnaryLenOpExpr{Expr: operand}
	default:
		if n, ok := constNumber(operand); ok && n != 0 && n == n {
			return p.number(-n)
		}
		e = &ast.UnaryMinusOpExpr{Expr: operand}
	}
	e.SetLine(p.lex.lastLine)
	return e
}

func (p *parser) binary(op string, a, b ast.Expr) (e ast.Expr) {
	p.node()
	switch op {
	case "and", "or":
		e = &ast.LogicalOpExpr{Operator: op, Lhs: a, Rhs: b}
	case "..":
		e = &ast.StringConcatOpExpr{Lhs: a, Rhs: b}
	case "+", "-", "*", "/", "%", "^":
		if r, ok := fold(op, a, b); ok {
			return p.number(r)
		}
		e = &ast.ArithmeticOpExpr{Operator: op, Lhs: a, Rhs: b}
	default:
		e = &ast.RelationalOpExpr{Operator: op, Lhs: a, Rhs: b}
	}
	e.SetLine(p.lex.lastLine)
	return e
}

// fold computes an operation on two constants, as the firmware's compiler does:
// not when it divides by zero, and not when the result is no number.
func fold(op string, a, b ast.Expr) (float64, bool) {
	x, ok1 := constNumber(a)
	y, ok2 := constNumber(b)
	if !ok1 || !ok2 {
		return 0, false
	}
	var r float64
	switch op {
	case "+":
		r = x + y
	case "-":
		r = x - y
	case "*":
		r = x * y
	case "/":
		if y == 0 {
			return 0, false
		}
		r = x / y
	case "%":
		if y == 0 {
			return 0, false
		}
		r = x - math.Floor(x/y)*y
	case "^":
		r = math.Pow(x, y)
	}
	return r, r == r
}

func constNumber(e ast.Expr) (float64, bool) {
	n, ok := e.(*ast.NumberExpr)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(n.Value, 64)
	return f, err == nil
}

// number makes a constant of n, spelled so that gopher-lua reads the same value.
func (p *parser) number(n float64) ast.Expr {
	p.constant(constant{num: n, number: true})
	e := &ast.NumberExpr{Value: strconv.FormatFloat(n, 'g', -1, 64)}
	e.SetLine(p.lex.lastLine)
	return e
}

func (p *parser) simpleExpr() (e ast.Expr) {
	p.node()
	switch p.lex.tok {
	case tkNumber:
		n := p.lex.num
		p.lex.next()
		return p.number(n)
	case tkString:
		s := p.lex.text
		p.lex.next()
		return p.stringConst(s)
	case tkNil:
		e = &ast.NilExpr{}
	case tkTrue:
		e = &ast.TrueExpr{}
	case tkFalse:
		e = &ast.FalseExpr{}
	case tkDots:
		if !p.fs.vararg {
			p.syntaxError("cannot use '...' outside a vararg function")
		}
		e = &ast.Comma3Expr{}
	case '{':
		return p.constructor()
	case tkFunction:
		line := p.lex.line
		p.lex.next()
		return p.body(false, line)
	default:
		e, _ = p.primary()
		return e
	}
	p.lex.next()
	e.SetLine(p.lex.lastLine)
	return e
}

// primary reads a name or parenthesis and what follows it: fields, indices and
// calls.
func (p *parser) primary() (e ast.Expr, kind exprKind) {
	switch p.lex.tok {
	case '(':
		line := p.lex.line
		p.lex.next()
		e = p.expr()
		p.match(')', '(', line)
		switch x := e.(type) {
		case *ast.FuncCallExpr:
			x.AdjustRet = true
		case *ast.Comma3Expr:
			x.AdjustRet = true
		}
		kind = kindValue
	case tkName:
		e = p.variable()
		kind = kindVar
	default:
		p.syntaxError("unexpected symbol")
	}
	n := 0
	for {
		switch p.lex.tok {
		case '.':
			p.lex.next()
			e, kind = p.index(e, p.stringConst(p.name())), kindVar
		case '[':
			p.lex.next()
			key := p.expr()
			p.expect(']')
			e, kind = p.index(e, key), kindVar
		case ':':
			p.lex.next()
			method := p.name()
			p.constant(constant{text: method})
			e, kind = p.call(&ast.FuncCallExpr{Receiver: e, Method: method}), kindCall
		case '(', tkString, '{':
			e, kind = p.call(&ast.FuncCallExpr{Func: e}), kindCall
		default:
			return e, kind
		}
		p.chain(&n)
		p.node()
	}
}

func (p *parser) variable() ast.Expr {
	name := p.name()
	if p.resolve(p.fs, name) == globalVar {
		p.constant(constant{text: name})
	}
	e := &ast.IdentExpr{Value: name}
	e.SetLine(p.lex.lastLine)
	return e
}

func (p *parser) index(object, key ast.Expr) ast.Expr {
	e := &ast.AttrGetExpr{Object: object, Key: key}
	e.SetLine(p.lex.lastLine)
	return e
}

// call reads the arguments of a call.
func (p *parser) call(e *ast.FuncCallExpr) ast.Expr {
	line := p.lex.line
	switch p.lex.tok {
	case '(':
		if line != p.lex.lastLine {
			p.syntaxError("ambiguous syntax (function call x new statement)")
		}
		p.lex.next()
		if p.lex.tok != ')' {
			e.Args = p.exprList()
		}
		p.match(')', '(', line)
	case '{':
		e.Args = []ast.Expr{p.constructor()}
	case tkString:
		s := p.lex.text
		p.lex.next()
		e.Args = []ast.Expr{p.stringConst(s)}
	default:
		p.syntaxError("function arguments expected")
	}
	e.SetLine(line)
	return e
}

// constructor reads a table.
func (p *parser) constructor() ast.Expr {
	line := p.lex.line
	t := &ast.TableExpr{Fields: []*ast.Field{}}
	t.SetLine(line)
	p.expect('{')
	for p.lex.tok != '}' {
		p.node()
		f := &ast.Field{}
		switch {
		case p.lex.tok == tkName && p.lex.peek() == '=':
			f.Key = p.stringConst(p.name())
			p.expect('=')
		case p.lex.tok == '[':
			p.lex.next()
			f.Key = p.expr()
			p.expect(']')
			p.expect('=')
		}
		f.Value = p.expr()
		t.Fields = append(t.Fields, f)
		if !p.test(',') && !p.test(';') {
			break
		}
	}
	p.match('}', '{', line)
	return t
}

// body reads parameters and body of a function whose definition began on the
// given line.
func (p *parser) body(method bool, line int) *ast.FunctionExpr {
	fs := &funcState{parent: p.fs, lineDefined: line, constants: map[constant]struct{}{}}
	p.fs = fs
	p.expect('(')
	if method {
		p.declare("self")
	}
	params := &ast.ParList{Names: []string{}}
	for p.lex.tok != ')' {
		switch p.lex.tok {
		case tkName:
			params.Names = append(params.Names, p.name())
			p.checkVars(len(params.Names))
		case tkDots:
			p.lex.next()
			params.HasVargs, fs.vararg = true, true
		default:
			p.syntaxError("<name> or '...' expected")
		}
		if fs.vararg || !p.test(',') {
			break
		}
		if p.lex.tok == ')' {
			p.syntaxError("<name> or '...' expected")
		}
	}
	p.declare(params.Names...)
	if fs.vararg {
		p.declare("arg") // fw: app/lua/luaconf.h, LUA_COMPAT_VARARG
	}
	p.expect(')')
	f := &ast.FunctionExpr{ParList: params}
	f.Stmts = p.chunk()
	f.SetLine(line)
	f.SetLastLine(p.lex.line)
	p.match(tkEnd, tkFunction, line)
	p.fs = fs.parent
	return f
}
