package luac

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

type binaryOp int

const (
	opAdd binaryOp = iota
	opSub
	opMul
	opDiv
	opMod
	opPow
	opConcat
	opNe
	opEq
	opLt
	opLe
	opGt
	opGe
	opAnd
	opOr
)

// binaryOps gives the binary operators with their left and right priorities.
var binaryOps = map[token]struct {
	op          binaryOp
	left, right int
}{
	'+': {opAdd, 6, 6}, '-': {opSub, 6, 6}, '*': {opMul, 7, 7}, '/': {opDiv, 7, 7}, '%': {opMod, 7, 7},
	'^': {opPow, 10, 9}, tkConcat: {opConcat, 5, 4},
	tkNe: {opNe, 3, 3}, tkEq: {opEq, 3, 3}, '<': {opLt, 3, 3}, tkLe: {opLe, 3, 3}, '>': {opGt, 3, 3}, tkGe: {opGe, 3, 3},
	tkAnd: {opAnd, 2, 2}, tkOr: {opOr, 1, 1},
}

const unaryPriority = 8

func (c *compiler) syntaxError(message string) { c.lex.fail(message, c.lex.tok, c.lex.raw) }

func (c *compiler) expected(t token) { c.syntaxError(c.mem.Message("'%s' expected", c.lex.word(t))) }

// limit raises an error when a function has too many of something.
func (c *compiler) limit(f *fn, n, limit int, what string) {
	if n <= limit {
		return
	}
	message := ""
	if line := f.p.LineDefined; line == 0 {
		message = c.mem.Message("main function has more than %d %s", limit, what)
	} else {
		message = c.mem.Message("function at line %d has more than %d %s", line, limit, what)
	}
	c.lex.fail(message, 0, "")
}

func (c *compiler) enter() {
	if c.level++; c.level > maxLevels {
		c.lex.fail("chunk has too many syntax levels", 0, "")
	}
}

func (c *compiler) leave() { c.level-- }

func (c *compiler) test(t token) bool {
	if c.lex.tok != t {
		return false
	}
	c.lex.next()
	return true
}

func (c *compiler) check(t token) {
	if c.lex.tok != t {
		c.expected(t)
	}
}

func (c *compiler) expect(t token) {
	c.check(t)
	c.lex.next()
}

// match expects t, which closes the token open of the given line.
func (c *compiler) match(t, open token, line int) {
	switch {
	case c.lex.tok == t:
		c.lex.next()
	case line == c.lex.line:
		c.expected(t)
	default:
		what := c.lex.word(t)
		c.syntaxError(c.mem.Message("'%s' expected (to close '%s' at line %d)", what, c.lex.word(open), line))
	}
}

func (c *compiler) name() string {
	c.check(tkName)
	s := c.lex.text
	c.lex.next()
	return s
}

func (c *compiler) nameConst() exp { return newExp(eConst, c.stringK(c.name())) }

// declare announces a local variable that becomes active with activate.
func (c *compiler) declare(name string) {
	f := c.fn
	c.limit(f, len(f.vars)+len(f.newVars)+1, maxVars, "local variables")
	b := &f.p.blocks
	c.grow(&b.locals, &b.sizeLocals, f.p.locals, heap.LocalVarSize)
	f.p.locals++
	f.newVars = append(f.newVars, name)
}

// declareHidden is declare for a variable of the compiler's own.
func (c *compiler) declareHidden(name string) {
	c.newString(name)
	c.declare(name)
}

func (c *compiler) activate(n int) {
	f := c.fn
	f.vars = append(f.vars, f.newVars[:n]...)
	f.opened(f.newVars[:n])
	f.newVars = append(f.newVars[:0], f.newVars[n:]...)
}

// variable compiles the use of a name.
func (c *compiler) variable() exp {
	name := c.name()
	e := c.resolve(c.fn, name, true)
	if e.kind == eGlobal {
		e.info = c.stringK(name)
	}
	return e
}

func (c *compiler) resolve(f *fn, name string, here bool) exp {
	if f == nil {
		return newExp(eGlobal, noReg)
	}
	for i := len(f.vars) - 1; i >= 0; i-- {
		if f.vars[i] == name {
			if !here {
				b := f.blk
				for b != nil && b.vars > i {
					b = b.parent
				}
				if b != nil {
					b.upval = true
				}
			}
			return newExp(eLocal, i)
		}
	}
	outer := c.resolve(f.parent, name, false)
	if outer.kind == eGlobal {
		return outer
	}
	local := outer.kind == eLocal
	for i, u := range f.upvals {
		if u.local == local && u.index == outer.info {
			return newExp(eUpval, i)
		}
	}
	n := len(f.upvals)
	c.limit(f, n+1, maxUpvalues, "upvalues")
	b := &f.p.blocks
	c.grow(&b.upvals, &b.sizeUpvals, n, heap.UpvalueNameSize)
	f.upvals = append(f.upvals, upvalue{name, local, outer.info})
	f.p.Upvalues = n + 1
	return newExp(eUpval, n)
}

func (c *compiler) expr() exp { return c.subexpr(0) }

// exprList compiles a list up to its last expression, which it returns open.
func (c *compiler) exprList() (last exp, n int) {
	last, n = c.expr(), 1
	for c.test(',') {
		c.nextReg(&last)
		last = c.expr()
		n++
	}
	return last, n
}

// subexpr compiles an expression whose operators bind tighter than limit.
func (c *compiler) subexpr(limit int) exp {
	c.enter()
	var e exp
	switch c.lex.tok {
	case tkNot:
		c.lex.next()
		e = c.subexpr(unaryPriority)
		c.prefix(Not, &e)
	case '-':
		c.lex.next()
		e = c.subexpr(unaryPriority)
		c.prefix(Unm, &e)
	case '#':
		c.lex.next()
		e = c.subexpr(unaryPriority)
		c.prefix(Len, &e)
	default:
		e = c.simple()
	}
	for {
		op, ok := binaryOps[c.lex.tok]
		if !ok || op.left <= limit {
			break
		}
		c.lex.next()
		c.infix(op.op, &e)
		right := c.subexpr(op.right)
		c.postfix(op.op, &e, &right)
	}
	c.leave()
	return e
}

func (c *compiler) simple() (e exp) {
	switch c.lex.tok {
	case tkNumber:
		e = newExp(eNumber, 0)
		e.num = c.lex.num
	case tkString:
		e = newExp(eConst, c.stringK(c.lex.text))
	case tkNil:
		e = newExp(eNil, 0)
	case tkTrue:
		e = newExp(eTrue, 0)
	case tkFalse:
		e = newExp(eFalse, 0)
	case tkDots:
		if !c.fn.p.IsVararg {
			c.syntaxError("cannot use '...' outside a vararg function")
		}
		c.fn.p.NeedsArg = false
		e = newExp(eVarargs, c.emit(Vararg, 0, 1, 0))
	case '{':
		return c.constructor()
	case tkFunction:
		c.lex.next()
		return c.body(false, c.lex.line)
	default:
		return c.primary()
	}
	c.lex.next()
	return e
}

// primary compiles a name or parenthesis and what follows it: fields, indices
// and calls.
func (c *compiler) primary() (e exp) {
	switch c.lex.tok {
	case '(':
		line := c.lex.line
		c.lex.next()
		e = c.expr()
		c.match(')', '(', line)
		c.load(&e)
	case tkName:
		e = c.variable()
	default:
		c.syntaxError("unexpected symbol")
	}
	for {
		switch c.lex.tok {
		case '.':
			c.field(&e)
		case '[':
			c.anyReg(&e)
			key := c.index()
			c.indexed(&e, &key)
		case ':':
			c.lex.next()
			key := c.nameConst()
			c.method(&e, &key)
			c.arguments(&e)
		case '(', tkString, '{':
			c.nextReg(&e)
			c.arguments(&e)
		default:
			return e
		}
	}
}

// field compiles .name or the name of a method definition.
func (c *compiler) field(e *exp) {
	c.anyReg(e)
	c.lex.next()
	key := c.nameConst()
	c.indexed(e, &key)
}

// index compiles [expr].
func (c *compiler) index() exp {
	c.lex.next()
	e := c.expr()
	c.value(&e)
	c.expect(']')
	return e
}

func (c *compiler) arguments(f *exp) {
	line := c.lex.line
	args := newExp(eVoid, 0)
	switch c.lex.tok {
	case '(':
		if line != c.lex.lastLine {
			c.syntaxError("ambiguous syntax (function call x new statement)")
		}
		c.lex.next()
		if c.lex.tok != ')' {
			args, _ = c.exprList()
			c.setReturns(&args, -1)
		}
		c.match(')', '(', line)
	case '{':
		args = c.constructor()
	case tkString:
		args = newExp(eConst, c.stringK(c.lex.text))
		c.lex.next()
	default:
		c.syntaxError("function arguments expected")
	}
	base := f.info
	n := -1
	if !args.isOpen() {
		if args.kind != eVoid {
			c.nextReg(&args)
		}
		n = c.fn.free - (base + 1)
	}
	*f = newExp(eCall, c.emit(Call, base, n+1, 2))
	c.fixLine(line)
	c.fn.free = base + 1
}

// constructor compiles a table.
func (c *compiler) constructor() exp {
	line := c.lex.line
	pc := c.emit(NewTable, 0, 0, 0)
	t := newExp(eRelocate, pc)
	item := newExp(eVoid, 0)
	c.nextReg(&t)
	c.expect('{')
	items, records, waiting := 0, 0, 0
	for c.lex.tok != '}' {
		if item.kind != eVoid {
			c.nextReg(&item)
			item.kind = eVoid
			if waiting == FieldsPerFlush {
				c.setList(t.info, items, waiting)
				waiting = 0
			}
		}
		if c.lex.tok == '[' || c.lex.tok == tkName && c.lex.peek() == '=' {
			c.record(&t)
			records++
		} else {
			item = c.expr()
			items++
			waiting++
		}
		if !c.test(',') && !c.test(';') {
			break
		}
	}
	c.match('}', '{', line)
	if waiting > 0 {
		if item.isOpen() {
			c.setReturns(&item, -1)
			c.setList(t.info, items, -1)
			items--
		} else {
			if item.kind != eVoid {
				c.nextReg(&item)
			}
			c.setList(t.info, items, waiting)
		}
	}
	i := &c.fn.p.Code[pc]
	i.B, i.C = PackHint(items), PackHint(records)
	return t
}

// PackHint encodes the size of a table as eeeeexxx: xxx when eeeee is 0, else (8+xxx)·2^(e-1).
func PackHint(n int) int {
	e := 0
	for n >= 16 {
		n = (n + 1) >> 1
		e++
	}
	if n < 8 {
		return n
	}
	return (e+1)<<3 | (n - 8)
}

func (c *compiler) record(t *exp) {
	free := c.fn.free
	var key exp
	if c.lex.tok == tkName {
		key = c.nameConst()
	} else {
		key = c.index()
	}
	c.expect('=')
	k := c.operand(&key)
	value := c.expr()
	c.emitRecord(t.info, k, &value)
	c.fn.free = free
}

func (c *compiler) emitRecord(table, key int, value *exp) {
	v := c.operand(value)
	c.emit(SetTable, table, key, v)
}

// body compiles a function whose definition began on the given line.
func (c *compiler) body(method bool, line int) exp {
	c.open(line)
	f := c.fn
	c.expect('(')
	if method {
		c.declareHidden("self")
		c.activate(1)
	}
	c.parameters()
	c.expect(')')
	c.chunk()
	f.p.LastLineDefined = c.lex.line
	c.match(tkEnd, tkFunction, line)
	c.close()
	outer := c.fn.p
	c.grow(&outer.blocks.protos, &outer.blocks.sizeProtos, len(outer.Protos)-1, heap.NestedProtoSize)
	e := newExp(eRelocate, c.emit(Closure, 0, len(outer.Protos)-1, 0))
	for _, u := range f.upvals {
		if u.local {
			c.emit(Move, 0, u.index, 0)
		} else {
			c.emit(GetUpval, 0, u.index, 0)
		}
	}
	return e
}

func (c *compiler) parameters() {
	f := c.fn
	n := 0
	if c.lex.tok != ')' {
		for {
			switch c.lex.tok {
			case tkName:
				c.declare(c.name())
				n++
			case tkDots:
				c.lex.next()
				c.declareHidden("arg") // fw: app/lua/luaconf.h, LUA_COMPAT_VARARG
				n++
				f.p.HasArg, f.p.NeedsArg, f.p.IsVararg = true, true, true
			default:
				c.syntaxError("<name> or '...' expected")
			}
			if f.p.IsVararg || !c.test(',') {
				break
			}
		}
	}
	c.activate(n)
	f.p.Params = len(f.vars)
	if f.p.HasArg {
		f.p.Params--
	}
	c.reserve(len(f.vars))
}
