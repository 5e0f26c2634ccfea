package luac

import (
	"fmt"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum/pc"
)

// opNames are what listings call the operations.
var opNames = [...]string{
	"MOVE", "LOADK", "LOADBOOL", "LOADNIL", "GETUPVAL", "GETGLOBAL", "GETTABLE", "SETGLOBAL", "SETUPVAL", "SETTABLE",
	"NEWTABLE", "SELF", "ADD", "SUB", "MUL", "DIV", "MOD", "POW", "UNM", "NOT", "LEN", "CONCAT", "JMP", "EQ", "LT", "LE", "TEST",
	"TESTSET", "CALL", "TAILCALL", "RETURN", "FORLOOP", "FORPREP", "TFORLOOP", "SETLIST", "CLOSE", "CLOSURE", "VARARG",
}

// Listing is a listing of main and of all functions inside, as luac.cross -l writes it; full is
// with constants and names (-l -l). In place of addresses of the host's it numbers the functions.
// Source: oracle: lfs-images.json, listing; fw: app/lua/luac_cross/print.c.
func Listing(main *Proto, full bool) string {
	l := &lister{addresses: map[*Proto]string{}, full: full}
	l.number(main)
	l.function(main)
	return l.b.String()
}

type lister struct {
	b         strings.Builder
	addresses map[*Proto]string
	full      bool
}

func (l *lister) number(p *Proto) {
	l.addresses[p] = fmt.Sprintf("0x%x", len(l.addresses)+1)
	for _, child := range p.Protos {
		l.number(child)
	}
}

func (l *lister) printf(format string, args ...any) { fmt.Fprintf(&l.b, format, args...) }

// plural is s where there are not one of something.
func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

func (l *lister) function(p *Proto) {
	l.header(p)
	for pc := 0; pc < len(p.Code); pc++ {
		l.instruction(p, pc)
		if in := p.Code[pc]; in.Op == SetList && in.C == 0 {
			pc++ // the block number after it
		}
	}
	if l.full {
		l.tables(p)
	}
	for _, child := range p.Protos {
		l.function(child)
	}
}

func (l *lister) header(p *Proto) {
	kind := "function"
	if p.LineDefined == 0 {
		kind = "main"
	}
	source := cString(p.Source)
	switch {
	case strings.HasPrefix(source, "@"), strings.HasPrefix(source, "="):
		source = source[1:]
	case strings.HasPrefix(source, escape):
		source = "(bstring)"
	default:
		source = "(string)"
	}
	n := len(p.Code)
	l.printf("\n%s <%s:%d,%d> (%d instruction%s, %d bytes at %s)\n", kind, source, p.LineDefined, p.LastLineDefined, n, plural(n), 4*n, l.addresses[p])
	more := ""
	if p.VarargFlags() != 0 {
		more = "+"
	}
	l.printf("%d%s param%s, %d slot%s, %d upvalue%s, ", p.Params, more, plural(p.Params), p.MaxStack, plural(p.MaxStack), p.Upvalues, plural(p.Upvalues))
	locals := 0
	if p.Named {
		locals = len(p.Locals)
	}
	k, f := len(p.Consts), len(p.Protos)
	l.printf("%d local%s, %d constant%s, %d function%s\n", locals, plural(locals), k, plural(k), f, plural(f))
}

func (l *lister) instruction(p *Proto, at int) {
	in := p.Code[at]
	line := "-"
	if n := p.Lines[at]; n > 0 {
		line = fmt.Sprint(n)
	}
	l.printf("\t%d\t[%s]\t%-9s\t", at+1, line, opNames[in.Op])
	mode := opModes[in.Op]
	switch mode.format {
	case formatABx:
		if mode.b == registerOrConst {
			l.printf("%d %d", in.A, -1-in.B)
		} else {
			l.printf("%d %d", in.A, in.B)
		}
	case formatAsBx:
		if in.Op == Jmp {
			l.printf("%d", in.B)
		} else {
			l.printf("%d %d", in.A, in.B)
		}
	default:
		l.printf("%d", in.A)
		for _, x := range []struct {
			kind operand
			n    int
		}{{mode.b, in.B}, {mode.c, in.C}} {
			switch {
			case x.kind == unused:
			case x.n&ConstBit != 0:
				l.printf(" %d", -1-x.n&^ConstBit)
			default:
				l.printf(" %d", x.n)
			}
		}
	}
	if s := l.comment(p, at); s != "" {
		l.printf("\t; %s", s)
	}
	l.printf("\n")
}

// comment is what a listing says beside an instruction.
func (l *lister) comment(p *Proto, at int) string {
	in := p.Code[at]
	rk := func(x int) string {
		if x&ConstBit != 0 {
			return p.Consts[x&^ConstBit].listed()
		}
		return "-"
	}
	switch in.Op {
	case LoadK:
		return p.Consts[in.B].listed()
	case GetUpval, SetUpval:
		if p.Named && in.B < len(p.UpvalueNames) {
			return cString(p.UpvalueNames[in.B])
		}
		return "-"
	case GetGlobal, SetGlobal:
		return cString(p.Consts[in.B].Str)
	case GetTable, Self:
		if in.C&ConstBit != 0 {
			return rk(in.C)
		}
	case SetTable, Add, Sub, Mul, Div, Pow, Eq, Lt, Le:
		if (in.B|in.C)&ConstBit != 0 {
			return rk(in.B) + " " + rk(in.C)
		}
	case Jmp, ForLoop, ForPrep:
		return fmt.Sprintf("to %d", in.B+at+2)
	case Closure:
		return l.addresses[p.Protos[in.B]]
	case SetList:
		if in.C == 0 {
			return fmt.Sprint(p.Code[at+1].B)
		}
		return fmt.Sprint(in.C)
	}
	return ""
}

func (l *lister) tables(p *Proto) {
	address := l.addresses[p]
	l.printf("constants (%d) for %s:\n", len(p.Consts), address)
	for i, k := range p.Consts {
		l.printf("\t%d\t%s\n", i+1, k.listed())
	}
	var locals []Local
	var names []string
	if p.Named {
		locals, names = p.Locals, p.UpvalueNames
	}
	l.printf("locals (%d) for %s:\n", len(locals), address)
	for i, local := range locals {
		l.printf("\t%d\t%s\t%d\t%d\n", i, cString(local.Name), local.Start+1, local.End+1)
	}
	l.printf("upvalues (%d) for %s:\n", len(names), address)
	for i, name := range names {
		l.printf("\t%d\t%s\n", i, cString(name))
	}
}

// listedAs are the bytes of strings that listings write with a letter.
var listedAs = map[byte]string{
	'"': `\"`, '\\': `\\`, '\a': `\a`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\v': `\v`,
}

// listed is a constant as listings show it.
func (k Const) listed() string {
	switch k.Kind {
	case False:
		return "false"
	case True:
		return "true"
	case Number:
		return pc.Format(k.Num)
	case String:
		b := []byte{'"'}
		for _, c := range []byte(k.Str) {
			switch s, ok := listedAs[c]; {
			case ok:
				b = append(b, s...)
			case c >= ' ' && c < 127:
				b = append(b, c)
			default:
				b = fmt.Appendf(b, `\%03d`, c)
			}
		}
		return string(append(b, '"'))
	}
	return "nil"
}
