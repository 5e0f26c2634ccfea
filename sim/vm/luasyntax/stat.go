package luasyntax

import "github.com/yuin/gopher-lua/ast"

// statement reads one statement and reports whether it must be the last of its
// block.
func (p *parser) statement() (s ast.Stmt, last bool) {
	p.node()
	line := p.lex.line
	switch p.lex.tok {
	case tkIf:
		return p.ifStat(line), false
	case tkWhile:
		return p.whileStat(line), false
	case tkDo:
		p.lex.next()
		s = &ast.DoBlockStmt{Stmts: p.block()}
		s.SetLine(line)
		s.SetLastLine(p.lex.lastLine)
		p.match(tkEnd, tkDo, line)
		return s, false
	case tkFor:
		return p.forStat(line), false
	case tkRepeat:
		return p.repeatStat(line), false
	case tkFunction:
		return p.functionStat(line), false
	case tkLocal:
		p.lex.next()
		if p.test(tkFunction) {
			return p.localFunction(), false
		}
		return p.localStat(), false
	case tkReturn:
		return p.returnStat(), true
	case tkBreak:
		p.lex.next()
		if p.fs.loops == 0 {
			p.syntaxError("no loop to break")
		}
		s = &ast.BreakStmt{}
		s.SetLine(line)
		return s, true
	}
	return p.exprStat(), false
}

// ifStat reads if … elseif … else … end. gopher-lua wants an elseif as an if
// inside the else.
func (p *parser) ifStat(line int) ast.Stmt {
	first := &ast.IfStmt{}
	first.SetLine(line)
	cur := first
	n := 0
	for {
		p.chain(&n)
		p.lex.next() // if or elseif
		cur.Condition = p.expr()
		p.expect(tkThen)
		cur.Then = p.block()
		if p.lex.tok != tkElseif {
			break
		}
		p.node()
		next := &ast.IfStmt{}
		next.SetLine(p.lex.line)
		cur.Else = []ast.Stmt{next}
		cur = next
	}
	if p.test(tkElse) {
		cur.Else = p.block()
	}
	first.SetLastLine(p.lex.lastLine)
	p.match(tkEnd, tkIf, line)
	return first
}

// loop reads the body of a loop.
func (p *parser) loop() []ast.Stmt {
	p.fs.loops++
	stmts := p.block()
	p.fs.loops--
	return stmts
}

func (p *parser) whileStat(line int) ast.Stmt {
	p.lex.next()
	s := &ast.WhileStmt{Condition: p.expr()}
	p.expect(tkDo)
	s.Stmts = p.loop()
	s.SetLine(line)
	s.SetLastLine(p.lex.lastLine)
	p.match(tkEnd, tkWhile, line)
	return s
}

func (p *parser) repeatStat(line int) ast.Stmt {
	p.lex.next()
	s := &ast.RepeatStmt{}
	p.scope(func() { // the condition sees the body's locals
		p.fs.loops++
		s.Stmts = p.chunk()
		p.match(tkUntil, tkRepeat, line)
		s.Condition = p.expr()
		p.fs.loops--
	})
	s.SetLine(line)
	s.SetLastLine(p.lex.lastLine)
	return s
}

func (p *parser) forStat(line int) (s ast.Stmt) {
	p.lex.next()
	name := p.name()
	p.scope(func() {
		switch p.lex.tok {
		case '=':
			s = p.numberFor(name, line)
		case ',', tkIn:
			s = p.genericFor(name, line)
		default:
			p.syntaxError("'=' or 'in' expected")
		}
	})
	s.SetLine(line)
	s.SetLastLine(p.lex.lastLine)
	p.match(tkEnd, tkFor, line)
	return s
}

func (p *parser) numberFor(name string, line int) ast.Stmt {
	p.checkVars(4)
	p.lex.next()
	s := &ast.NumberForStmt{Name: name, Init: p.expr()}
	p.expect(',')
	s.Limit = p.expr()
	if p.test(',') {
		s.Step = p.expr()
	} else {
		s.Step = p.number(1)
	}
	p.expect(tkDo)
	p.declare("(for index)", "(for limit)", "(for step)", name)
	s.Stmts = p.loop()
	return s
}

func (p *parser) genericFor(name string, line int) ast.Stmt {
	s := &ast.GenericForStmt{Names: []string{name}}
	p.checkVars(4)
	for p.test(',') {
		s.Names = append(s.Names, p.name())
		p.checkVars(3 + len(s.Names))
	}
	p.expect(tkIn)
	s.Exprs = p.exprList()
	threeValues(s)
	p.expect(tkDo)
	p.declare("(for generator)", "(for state)", "(for control)")
	p.declare(s.Names...)
	s.Stmts = p.loop()
	return s
}

// threeValues makes the loop's generator, state and control variable be set in
// any case: gopher-lua sets as many of the three as there are names or
// expressions and leaves the rest as the registers were.
func threeValues(s *ast.GenericForStmt) {
	open := false
	switch e := s.Exprs[len(s.Exprs)-1].(type) {
	case *ast.FuncCallExpr:
		open = !e.AdjustRet
	case *ast.Comma3Expr:
		open = !e.AdjustRet
	}
	if open {
		for len(s.Names) < min(len(s.Exprs), 3) {
			s.Names = append(s.Names, "(unused)")
		}
		return
	}
	for len(s.Exprs) < 3 {
		e := &ast.NilExpr{}
		e.SetLine(s.Exprs[0].Line())
		s.Exprs = append(s.Exprs, e)
	}
}

func (p *parser) functionStat(line int) ast.Stmt {
	p.lex.next()
	name := &ast.FuncName{Func: p.variable()}
	n := 0
	for p.lex.tok == '.' {
		p.chain(&n)
		p.lex.next()
		name.Func = p.index(name.Func, p.stringConst(p.name()))
	}
	method := p.lex.tok == ':'
	if method {
		p.lex.next()
		name.Method = p.name()
		p.constant(constant{text: name.Method})
		name.Receiver, name.Func = name.Func, nil
	}
	s := &ast.FuncDefStmt{Name: name, Func: p.body(method, line)}
	if name.Func != nil {
		name.Func.SetLine(line) // the definition happens in the first line
	}
	s.SetLine(line)
	s.SetLastLine(s.Func.LastLine())
	return s
}

func (p *parser) localFunction() ast.Stmt {
	line := p.lex.line
	name := p.name()
	p.declare(name)
	f := p.body(false, line)
	s := &ast.LocalAssignStmt{Names: []string{name}, Exprs: []ast.Expr{f}}
	s.SetLine(line)
	s.SetLastLine(f.LastLine())
	return s
}

// localStat reads local a, b = x, y. gopher-lua takes "local f = function" for
// "local function f": its body would see the new variable where it means the
// name outside. When it does use the name, a second value, which is dropped,
// hides the likeness.
func (p *parser) localStat() ast.Stmt {
	s := &ast.LocalAssignStmt{Exprs: []ast.Expr{}}
	line := p.lex.line
	for {
		s.Names = append(s.Names, p.name())
		p.checkVars(len(s.Names))
		if !p.test(',') {
			break
		}
	}
	if p.test('=') {
		w := &watch{fs: p.fs}
		if len(s.Names) == 1 && p.lex.tok == tkFunction {
			w.name = s.Names[0]
		}
		p.watches = append(p.watches, w)
		s.Exprs = p.exprList()
		p.watches = p.watches[:len(p.watches)-1]
		if _, isFunc := s.Exprs[0].(*ast.FunctionExpr); isFunc && len(s.Exprs) == 1 && w.seen {
			extra := &ast.NilExpr{}
			extra.SetLine(p.lex.lastLine)
			s.Exprs = append(s.Exprs, extra)
		}
	}
	p.declare(s.Names...)
	s.SetLine(line)
	s.SetLastLine(p.lex.lastLine)
	return s
}

func (p *parser) returnStat() ast.Stmt {
	p.lex.next()
	s := &ast.ReturnStmt{}
	if !p.blockFollow() && p.lex.tok != ';' {
		s.Exprs = p.exprList()
	}
	s.SetLine(p.lex.lastLine)
	return s
}

// exprStat reads a call or an assignment.
func (p *parser) exprStat() ast.Stmt {
	e, kind := p.primary()
	if kind == kindCall {
		s := &ast.FuncCallStmt{Expr: e}
		s.SetLine(e.Line())
		return s
	}
	s := &ast.AssignStmt{Lhs: []ast.Expr{e}}
	for {
		if kind != kindVar {
			p.syntaxError("syntax error")
		}
		if !p.test(',') {
			break
		}
		e, kind = p.primary()
		s.Lhs = append(s.Lhs, e)
		p.limit(len(s.Lhs), maxLevels-p.level, "variables in assignment")
	}
	p.expect('=')
	s.Rhs = p.exprList()
	for _, e := range s.Lhs {
		e.SetLine(p.lex.lastLine) // the store happens after the last value
	}
	s.SetLine(p.lex.lastLine)
	return p.assignment(s)
}
