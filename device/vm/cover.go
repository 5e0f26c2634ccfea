package vm

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// How often lines run is counted as Lua's own hooks would tell it: a line at which
// execution arrives from another one, or by a jump back (fw: app/lua/lvm.c, traceexec). On
// most instructions that cannot happen, on most others it always does, and the code says
// which. So a function that is counted executes a copy of its code, in which the operation
// of the instructions that matter is one of two that no compiler makes: they count, and
// hand the loop the instruction that stands there in truth. Whoever looks at code, its
// size or its price finds what the compiler has made.

// The operations of such copies. Their operands are those of the instruction that they
// stand for: tests look at the jump that follows them.
const (
	opCount   = luac.Vararg + 1 + iota // one at which a line always begins
	opArrived                          // one at which that depends on where execution comes from
)

// plain and counting are the kinds of the loop: one without coverage and one with it, each
// compiled for itself, so that the first is as fast as if there were no other.
type (
	plain    struct{}
	counting struct{ _ bool }
)

// execute has the loop run the innermost call of L: see executeAs.
func (v *VM) execute(L *Thread, entry int) {
	if v.coverage != nil {
		executeAs[counting](L, entry, v)
	} else {
		executeAs[plain](L, entry, v)
	}
}

// CoverSource is a file of Lua whose lines and functions can be counted: what the compiler
// makes of it. It does not change, so that any number of VMs can use it.
type CoverSource struct {
	name string
	main *coverCode
}

// coverCode is a function of such a file.
type coverCode struct {
	name          string // "": it has none, or is the whole file
	line, last    int    // where it is defined; from 0 on: the whole file
	code, counted []uint32
	lines         []int
	arrivals      []arrival // by instruction
	again         bool      // the first instruction is jumped to
	protos        []*coverCode
}

// arrival is what arriving at an instruction means.
type arrival uint8

const (
	arrivesSame  arrival = 1 << iota // it goes on with the line
	arrivesNew                       // the line begins
	arrivesNoted                     // nothing by itself, but what comes next must know that it was here
)

// CompileCover compiles a file of the program, by its name on the flash.
func CompileCover(name string, source []byte) (*CoverSource, error) {
	src, chunk := chunkSource(source, "@"+name), "@"+name
	if strings.HasPrefix(src, signature) {
		return nil, fmt.Errorf("%s is precompiled: it has no lines of source", name)
	}
	main, err := luac.Compile(src, chunk, luac.KeepLines, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", CompilerChunkID(chunk), err)
	}
	c := newCoverCode(unheld(main))
	c.last = len(SourceLines(source))
	return &CoverSource{name, c}, nil
}

// SourceLines are the lines of a text as the compiler numbers them, from 1. Behind the last
// line end there is none.
func SourceLines(text []byte) []string {
	lines := strings.Split(lineEnds.Replace(string(text)), "\n")
	if last := len(lines) - 1; lines[last] == "" {
		return lines[:last]
	}
	return lines
}

// lineEnds are what the compiler takes for the end of a line (fw: app/lua/llex.c, inclinenumber).
var lineEnds = strings.NewReplacer("\r\n", "\n", "\n\r", "\n", "\r", "\n")

// unheld makes a function of what the compiler has made that is in no memory, to be looked at.
func unheld(from *luac.Proto) *proto {
	p := &proto{lines: from.Lines, lineDefined: from.LineDefined, lastLine: from.LastLineDefined, nups: from.Upvalues, locals: from.Locals, k: make([]value, len(from.Consts))}
	for _, in := range from.Code {
		p.code = append(p.code, in.Word())
	}
	for i, c := range from.Consts {
		if c.Kind == luac.String {
			p.k[i] = stringValue(&str{s: c.Str})
		}
	}
	for _, n := range from.Protos {
		p.protos = append(p.protos, unheld(n))
	}
	p.nameNested()
	return p
}

func newCoverCode(p *proto) *coverCode {
	c := &coverCode{name: p.name, line: p.lineDefined, last: p.lastLine, code: p.code, lines: p.lines}
	c.findArrivals(p)
	c.counted = slices.Clone(c.code)
	for pc, a := range c.arrivals {
		op := opArrived
		switch {
		case a&^arrivesSame == 0:
			continue
		case a&arrivesSame == 0 && (pc > 0 || !c.again):
			op = opCount
		}
		c.counted[pc] = c.counted[pc]&^0x3f | uint32(op)
	}
	for _, n := range p.protos {
		c.protos = append(c.protos, newCoverCode(n))
	}
	return c
}

// findArrivals follows the code from its beginning. What nothing leads to, as the return
// behind a last statement that is one, cannot run, and has no arrivals.
func (c *coverCode) findArrivals(p *proto) {
	c.arrivals = make([]arrival, len(c.code))
	back := make([][]int, len(c.code)) // from where it is jumped back to
	c.arrivals[0] = arrivesNew
	for todo := []int{0}; len(todo) > 0; {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, next := range p.successors(pc) {
			if next < 0 || next >= len(c.code) {
				continue
			}
			if c.arrivals[next] == 0 {
				todo = append(todo, next)
			}
			how := arrivesSame
			if next <= pc || c.lines[next] != c.lines[pc] {
				how = arrivesNew
			}
			c.arrivals[next] |= how
			if next <= pc {
				back[next] = append(back[next], pc)
			}
			c.again = c.again || next == 0
		}
	}
	for pc, from := range back {
		if c.arrivals[pc]&arrivesSame == 0 {
			continue
		}
		for _, b := range from { // where it comes from decides
			c.arrivals[b] |= arrivesNoted
		}
	}
}

// successors are the instructions that may be executed behind the one at pc. A jump that a
// test executes is part of the test.
func (p *proto) successors(pc int) []int {
	i := p.code[pc]
	next := pc + 1
	switch opOf(i) {
	case luac.Jmp, luac.ForPrep:
		return []int{next + argSBx(i)}
	case luac.ForLoop:
		return []int{next, next + argSBx(i)}
	case luac.Eq, luac.Lt, luac.Le, luac.Test, luac.TestSet, luac.TForLoop:
		if next == len(p.code) {
			return nil
		}
		return []int{next + 1, next + 1 + argSBx(p.code[next])}
	case luac.LoadBool:
		if argC(i) != 0 {
			next++
		}
	case luac.SetList:
		if argC(i) == 0 {
			next++ // which block it is
		}
	case luac.Closure:
		next += p.protos[argBx(i)].nups // where it finds its upvalues
	case luac.Return:
		return nil
	}
	return []int{next}
}

// Coverage counts how often the lines and functions of some files run. One may serve a
// device over several boots. It costs nothing where it is absent and changes nothing that a
// script or the clock can see where it is present.
type Coverage struct {
	files []*coverFile
	left  []CoverLeft
}

// coverFile is what was counted of a file.
type coverFile struct {
	source *CoverSource
	main   *coverCounts
}

// coverCounts are the counts of a function.
type coverCounts struct {
	of     *coverCode
	at     []coverCount // by instruction
	calls  uint64       // where that of the first one does not tell
	protos []*coverCounts
}

// coverCount is how often a line has begun at an instruction.
type coverCount struct {
	hits        uint64
	instruction uint32 // that stands there in truth
}

// CoverLeft is a chunk with the name of a file that is counted, or of one compiled from it
// ("lamp.lc"), that was loaded and is not counted: it was stripped of its lines, or has other
// code than the file has.
type CoverLeft struct {
	Chunk    string
	Stripped bool
}

// NewCoverage returns one for files with different names.
func NewCoverage(files ...*CoverSource) *Coverage {
	c := &Coverage{}
	for _, s := range files {
		c.files = append(c.files, &coverFile{s, newCoverCounts(s.main)})
	}
	return c
}

func newCoverCounts(of *coverCode) *coverCounts {
	c := &coverCounts{of: of, at: make([]coverCount, len(of.code))}
	for pc, i := range of.code {
		c.at[pc].instruction = i
	}
	for _, n := range of.protos {
		c.protos = append(c.protos, newCoverCounts(n))
	}
	return c
}

// SetCoverage makes c count what is loaded from now on. It is for a VM that has not loaded
// anything yet.
func (v *VM) SetCoverage(c *Coverage) {
	v.coverage = c
	v.coverImage()
}

// begin has a chunk counted that was loaded just now, if it is of a file. What is in a
// precompiled one is told by the name of its source, and every chunk by its code: of what
// a program has changed on the flash, the lines are not those of the file.
func (c *Coverage) begin(main *proto) {
	chunk, ok := strings.CutPrefix(main.chunk, "@")
	if !ok {
		return
	}
	chunk, _, _ = strings.Cut(chunk, "\x00")
	source := strings.TrimSuffix(chunk, ".lc")
	if source != chunk {
		source += ".lua"
	}
	named := slices.IndexFunc(c.files, func(f *coverFile) bool { return f.source.name == source })
	is := named
	if named < 0 || !c.files[named].source.main.is(main) { // compiled elsewhere, it may have another directory
		is = slices.IndexFunc(c.files, func(f *coverFile) bool {
			return path.Base(f.source.name) == path.Base(source) && f.source.main.is(main)
		})
	}
	left := CoverLeft{chunk, len(main.lineInfo) == 0}
	switch {
	case is >= 0:
		c.files[is].main.count(main)
	case named >= 0 && !slices.Contains(c.left, left):
		c.left = append(c.left, left)
	}
}

// is reports whether a function has this code.
func (c *coverCode) is(p *proto) bool {
	if c.line != p.lineDefined || !slices.Equal(c.code, p.code) || !slices.Equal(c.lines, p.lines) || len(c.protos) != len(p.protos) {
		return false
	}
	for i, n := range c.protos {
		if !n.is(p.protos[i]) {
			return false
		}
	}
	return true
}

func (c *coverCounts) count(p *proto) {
	p.run, p.counts = c.of.counted, c
	for i, n := range c.protos {
		n.count(p.protos[i])
	}
}

// arrive counts where that depends on where execution comes from. ci.pc is behind the last
// instruction that was looked at: that is on the line of the last one that was executed, and
// where that one has jumped back, it is that one.
func (c *coverCounts) arrive(ci *callInfo, at int) {
	from := ci.pc - 1
	if from < 0 {
		c.calls++
	}
	if c.of.arrivals[at]&arrivesNew != 0 && (at <= from || from < 0 || c.of.lines[at] != c.of.lines[from]) {
		c.at[at].hits++
	}
}

// CoverFunction is a function of a file: its name, as the code gives it to it, or "", the
// line where it is defined, and how often it was called.
type CoverFunction struct {
	Name  string
	Line  int
	Calls uint64
}

// Each calls fn for each file, in the order in which they were given, with the lines that
// can run and how often they did, and with the functions in the file's order. The whole file
// is no function.
func (c *Coverage) Each(fn func(name string, lines map[int]uint64, functions []CoverFunction)) {
	for _, f := range c.files {
		lines := map[int]uint64{}
		var functions []CoverFunction
		f.main.tell(lines, &functions)
		fn(f.source.name, lines, functions)
	}
}

func (c *coverCounts) tell(lines map[int]uint64, functions *[]CoverFunction) {
	of := c.of
	if of.line > 0 {
		calls := c.calls
		if !of.again {
			calls = c.at[0].hits
		}
		*functions = append(*functions, CoverFunction{of.name, of.line, calls})
	}
	for pc, a := range of.arrivals {
		// What the firmware's packed lines get wrong (luac/lines.go) is none of the function's.
		if line := of.lines[pc]; a&arrivesNew != 0 && line >= max(of.line, 1) && line <= of.last {
			lines[line] += c.at[pc].hits
		}
	}
	for _, n := range c.protos {
		n.tell(lines, functions)
	}
}

// Left are the chunks that were not counted, in the order in which they were first loaded.
func (c *Coverage) Left() []CoverLeft { return c.left }
