package luac

func (c *compiler) openBlock(loop bool) *blockScope {
	b := &blockScope{parent: c.fn.blk, breaks: noJump, vars: len(c.fn.vars), loop: loop}
	c.fn.blk = b
	return b
}

func (c *compiler) closeBlock() {
	f := c.fn
	b := f.blk
	f.blk = b.parent
	f.vars = f.vars[:b.vars]
	f.closed(b.vars)
	if b.upval {
		c.emit(Close, b.vars, 0, 0)
	}
	f.free = len(f.vars)
	c.patchHere(b.breaks)
}

// block compiles statements with local variables of their own.
func (c *compiler) block() {
	c.openBlock(false)
	c.chunk()
	c.closeBlock()
}

// chunk compiles statements up to a token that ends a block.
func (c *compiler) chunk() {
	c.enter()
	for last := false; !last && !c.blockFollow(); {
		last = c.statement()
		c.test(';')
		c.fn.free = len(c.fn.vars)
	}
	c.leave()
}

func (c *compiler) blockFollow() bool {
	switch c.lex.tok {
	case tkElse, tkElseif, tkEnd, tkUntil, tkEOF:
		return true
	}
	return false
}

// statement compiles one statement and reports whether it must be the last of
// its block.
func (c *compiler) statement() bool {
	line := c.lex.line
	switch c.lex.tok {
	case tkIf:
		c.ifStat(line)
	case tkWhile:
		c.whileStat(line)
	case tkDo:
		c.lex.next()
		c.block()
		c.match(tkEnd, tkDo, line)
	case tkFor:
		c.forStat(line)
	case tkRepeat:
		c.repeatStat(line)
	case tkFunction:
		c.functionStat(line)
	case tkLocal:
		c.lex.next()
		if c.test(tkFunction) {
			c.localFunction()
		} else {
			c.localStat()
		}
	case tkReturn:
		c.returnStat()
		return true
	case tkBreak:
		c.lex.next()
		c.breakStat()
		return true
	default:
		c.exprStat()
	}
	return false
}

// condition compiles an expression and returns the list of jumps taken when it
// is false.
func (c *compiler) condition() int {
	e := c.expr()
	if e.kind == eNil {
		e.kind = eFalse
	}
	c.ifTrue(&e)
	return e.f
}

func (c *compiler) ifStat(line int) {
	then := func() int {
		c.lex.next() // if or elseif
		exit := c.condition()
		c.expect(tkThen)
		c.block()
		return exit
	}
	end := noJump
	exit := then()
	for c.lex.tok == tkElseif {
		c.join(&end, c.jump())
		c.patchHere(exit)
		exit = then()
	}
	if c.lex.tok == tkElse {
		c.join(&end, c.jump())
		c.patchHere(exit)
		c.lex.next()
		c.block()
	} else {
		c.join(&end, exit)
	}
	c.patchHere(end)
	c.match(tkEnd, tkIf, line)
}

func (c *compiler) whileStat(line int) {
	c.lex.next()
	start := c.label()
	exit := c.condition()
	c.openBlock(true)
	c.expect(tkDo)
	c.block()
	c.patchTo(c.jump(), start)
	c.match(tkEnd, tkWhile, line)
	c.closeBlock()
	c.patchHere(exit)
}

func (c *compiler) repeatStat(line int) {
	start := c.label()
	c.openBlock(true)
	scope := c.openBlock(false)
	c.lex.next()
	c.chunk()
	c.match(tkUntil, tkRepeat, line)
	exit := c.condition() // sees the body's locals
	if !scope.upval {
		c.closeBlock()
		c.patchTo(exit, start)
	} else {
		c.breakStat()
		c.patchHere(exit)
		c.closeBlock()
		c.patchTo(c.jump(), start)
	}
	c.closeBlock()
}

func (c *compiler) breakStat() {
	b := c.fn.blk
	upval := false
	for b != nil && !b.loop {
		upval = upval || b.upval
		b = b.parent
	}
	if b == nil {
		c.syntaxError("no loop to break")
	}
	if upval {
		c.emit(Close, b.vars, 0, 0)
	}
	c.join(&b.breaks, c.jump())
}

func (c *compiler) forStat(line int) {
	c.openBlock(true)
	c.lex.next()
	name := c.name()
	switch c.lex.tok {
	case '=':
		c.numberFor(name, line)
	case ',', tkIn:
		c.genericFor(name)
	default:
		c.syntaxError("'=' or 'in' expected")
	}
	c.match(tkEnd, tkFor, line)
	c.closeBlock()
}

func (c *compiler) numberFor(name string, line int) {
	base := c.fn.free
	c.declareHidden("(for index)")
	c.declareHidden("(for limit)")
	c.declareHidden("(for step)")
	c.declare(name)
	value := func() {
		e := c.expr()
		c.nextReg(&e)
	}
	c.expect('=')
	value()
	c.expect(',')
	value()
	if c.test(',') {
		value()
	} else {
		c.emit(LoadK, c.fn.free, c.constant(Const{Kind: Number, Num: 1}), 0)
		c.reserve(1)
	}
	c.forBody(base, line, 1, true)
}

func (c *compiler) genericFor(name string) {
	base := c.fn.free
	c.declareHidden("(for generator)")
	c.declareHidden("(for state)")
	c.declareHidden("(for control)")
	c.declare(name)
	n := 1
	for c.test(',') {
		c.declare(c.name())
		n++
	}
	c.expect(tkIn)
	line := c.lex.line
	e, have := c.exprList()
	c.adjust(3, have, &e)
	c.needStack(3) // to call the generator
	c.forBody(base, line, n, false)
}

func (c *compiler) forBody(base, line, n int, numeric bool) {
	c.activate(3)
	c.expect(tkDo)
	var prep int
	if numeric {
		prep = c.emit(ForPrep, base, noJump, 0)
	} else {
		prep = c.jump()
	}
	c.openBlock(false)
	c.activate(n)
	c.reserve(n)
	c.block()
	c.closeBlock()
	c.patchHere(prep)
	var end int
	if numeric {
		end = c.emit(ForLoop, base, noJump, 0)
		c.fixLine(line)
	} else {
		c.emit(TForLoop, base, 0, n)
		c.fixLine(line)
		end = c.jump()
	}
	c.patchTo(end, prep+1)
}

func (c *compiler) functionStat(line int) {
	c.lex.next()
	v := c.variable()
	for c.lex.tok == '.' {
		c.field(&v)
	}
	method := c.lex.tok == ':'
	if method {
		c.field(&v)
	}
	f := c.body(method, line)
	c.store(&v, &f)
	c.fixLine(line) // the definition happens in the first line
}

func (c *compiler) localFunction() {
	c.declare(c.name())
	v := newExp(eLocal, c.fn.free)
	c.reserve(1)
	c.activate(1)
	f := c.body(false, c.lex.line)
	c.store(&v, &f)
}

func (c *compiler) localStat() {
	n := 0
	for {
		c.declare(c.name())
		n++
		if !c.test(',') {
			break
		}
	}
	e, have := newExp(eVoid, 0), 0
	if c.test('=') {
		e, have = c.exprList()
	}
	c.adjust(n, have, &e)
	c.activate(n)
}

// adjust makes a list of have expressions, the last of which is e, give n values.
func (c *compiler) adjust(n, have int, e *exp) {
	extra := n - have
	if e.isOpen() {
		extra = max(extra+1, 0)
		c.setReturns(e, extra)
		if extra > 1 {
			c.reserve(extra - 1)
		}
		return
	}
	if e.kind != eVoid {
		c.nextReg(e)
	}
	if extra > 0 {
		reg := c.fn.free
		c.reserve(extra)
		c.nils(reg, extra)
	}
}

func (c *compiler) returnStat() {
	c.lex.next()
	first, n := 0, 0
	if !c.blockFollow() && c.lex.tok != ';' {
		var e exp
		e, n = c.exprList()
		switch {
		case e.isOpen():
			c.setReturns(&e, -1)
			if e.kind == eCall && n == 1 {
				c.code(&e).Op = TailCall
			}
			first, n = len(c.fn.vars), -1
		case n == 1:
			first = c.anyReg(&e)
		default:
			c.nextReg(&e)
			first = len(c.fn.vars)
		}
	}
	c.ret(first, n)
}

// exprStat compiles a call or an assignment.
func (c *compiler) exprStat() {
	e := c.primary()
	if e.kind == eCall {
		c.code(&e).C = 1
		return
	}
	c.assignment([]exp{e})
}

// assignment compiles what follows the last of the targets read so far. Values
// are all computed before the first is stored, the last one first.
func (c *compiler) assignment(targets []exp) {
	for {
		if k := targets[len(targets)-1].kind; k < eLocal || k > eIndexed {
			c.syntaxError("syntax error")
		}
		if !c.test(',') {
			break
		}
		v := c.primary()
		if v.kind == eLocal {
			c.keep(targets, v.info)
		}
		c.limit(c.fn, len(targets), maxLevels-c.level, "variables in assignment")
		targets = append(targets, v)
	}
	c.expect('=')
	e, have := c.exprList()
	i := len(targets) - 1
	if have == len(targets) {
		c.oneReturn(&e)
		c.store(&targets[i], &e)
		i--
	} else {
		c.adjust(len(targets), have, &e)
		if have > len(targets) {
			c.fn.free -= have - len(targets)
		}
	}
	for ; i >= 0; i-- {
		v := newExp(eRegister, c.fn.free-1)
		c.store(&targets[i], &v)
	}
}

// keep saves the value of local variable reg, about to be assigned to, where
// earlier targets use it as table or key.
func (c *compiler) keep(targets []exp, reg int) {
	copied := c.fn.free
	conflict := false
	for i := range targets {
		t := &targets[i]
		if t.kind != eIndexed {
			continue
		}
		if t.info == reg {
			conflict = true
			t.info = copied
		}
		if t.aux == reg {
			conflict = true
			t.aux = copied
		}
	}
	if conflict {
		c.emit(Move, copied, reg, 0)
		c.reserve(1)
	}
}
