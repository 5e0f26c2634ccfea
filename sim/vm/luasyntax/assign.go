package luasyntax

import (
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// gopher-lua compiles an assignment from left to right and lets each value land
// in its local variable at once. So "a, b = b, a" copies b twice, and in
// "a.x, a = 1, 2" the store goes to 2.x. Lua evaluates everything first and then
// stores from right to left. An assignment of several values of which one goes
// to a local is therefore taken apart:
//
//	do
//	    local (t1), (t2) = b, a
//	    b = (t2)
//	    a = (t1)
//	end
//
// where tables and keys that the stores would disturb get a temporary, too. It
// costs about the registers and moves that the firmware's compiler needs for the
// same statement.

// assignment returns s in a form that gopher-lua compiles rightly.
func (p *parser) assignment(s *ast.AssignStmt) ast.Stmt {
	if len(s.Lhs) == 1 || !p.assignsLocal(s.Lhs) || constants(s) {
		return s
	}
	block := &ast.DoBlockStmt{}
	block.SetLine(s.Line())
	block.SetLastLine(s.Line())
	temps := 0
	temp := func(line int, exprs ...ast.Expr) (names []ast.Expr) {
		l := &ast.LocalAssignStmt{Exprs: exprs}
		l.SetLine(line)
		n := len(exprs)
		if &exprs[0] == &s.Rhs[0] {
			n = len(s.Lhs)
		}
		for range n {
			temps++
			name := "(t" + strconv.Itoa(temps) + ")"
			l.Names = append(l.Names, name)
			id := &ast.IdentExpr{Value: name}
			id.SetLine(line)
			names = append(names, id)
		}
		block.Stmts = append(block.Stmts, l)
		return names
	}
	for _, l := range s.Lhs {
		g, ok := l.(*ast.AttrGetExpr)
		if !ok {
			continue
		}
		if !p.steady(g.Object, s.Lhs) {
			g.Object = temp(g.Object.Line(), g.Object)[0]
		}
		if !p.steady(g.Key, s.Lhs) {
			g.Key = temp(g.Key.Line(), g.Key)[0]
		}
	}
	values := temp(s.Line(), s.Rhs...)
	for i := len(s.Lhs) - 1; i >= 0; i-- {
		store := &ast.AssignStmt{Lhs: []ast.Expr{s.Lhs[i]}, Rhs: []ast.Expr{values[i]}}
		store.SetLine(s.Line())
		block.Stmts = append(block.Stmts, store)
	}
	return block
}

// assignsLocal reports whether one of the targets is a local variable of the
// current function.
func (p *parser) assignsLocal(targets []ast.Expr) bool {
	for _, t := range targets {
		if id, ok := t.(*ast.IdentExpr); ok && p.isLocal(id.Value) {
			return true
		}
	}
	return false
}

func (p *parser) isLocal(name string) bool {
	for _, v := range p.fs.vars {
		if v == name {
			return true
		}
	}
	return false
}

// constants reports whether an assignment stores nothing but constants into
// plain variables: then the order is all the same.
func constants(s *ast.AssignStmt) bool {
	for _, l := range s.Lhs {
		if _, ok := l.(*ast.IdentExpr); !ok {
			return false
		}
	}
	for _, r := range s.Rhs {
		if _, ok := r.(ast.ConstExpr); !ok {
			return false
		}
	}
	return true
}

// steady reports whether e, a table or key among the targets, is the same before
// and after the stores: a constant, or a local that is not among them.
func (p *parser) steady(e ast.Expr, targets []ast.Expr) bool {
	if _, ok := e.(ast.ConstExpr); ok {
		return true
	}
	id, ok := e.(*ast.IdentExpr)
	if !ok || !p.isLocal(id.Value) {
		return false
	}
	for _, t := range targets {
		if v, ok := t.(*ast.IdentExpr); ok && v.Value == id.Value {
			return false
		}
	}
	return true
}
