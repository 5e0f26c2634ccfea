package lfs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// Module is a module of an image. Name is what node.LFS.get knows it by.
type Module struct {
	Name  string
	Proto *luac.Proto
}

// MaxModules is how many modules an index has at most (fw: LFIELDS_PER_FLUSH).
const MaxModules = luac.FieldsPerFlush

// IndexSource is the source of the functions that luac.cross adds.
const IndexSource = "=(luac)"

// ModuleName is the name that luac.cross gives to the module of a file: what is behind the last slash (or, without one, the
// last backslash) and any dots, up to the next dot.
func ModuleName(file string) string {
	i := strings.LastIndexByte(file, '/')
	if i < 0 {
		i = strings.LastIndexByte(file, '\\')
	}
	name, _, _ := strings.Cut(strings.TrimLeft(file[i+1:], "."), ".")
	if name == "" {
		return file
	}
	return name
}

// ModuleOf is the name that luac.cross gives to the module whose main function is p.
func ModuleOf(p *luac.Proto) string {
	file, _, _ := strings.Cut(p.Source, "\x00") // a C string
	return ModuleName(file[min(1, len(file)):])
}

// Index is the main function of an image: given a name it returns the closure of
// the first module of that name, otherwise the time of the image, in seconds since
// 1970, and an array of all names.
func Index(modules []Module, time int64) (*luac.Proto, error) {
	n := len(modules)
	switch {
	case n == 0:
		return nil, errors.New("an image has at least one module, and there is none")
	case n > MaxModules:
		return nil, fmt.Errorf("%d modules are more than the %d of an image", n, MaxModules)
	}
	p := &luac.Proto{Source: IndexSource, Params: 1, MaxStack: n + 3}
	code := func(op luac.Op, a, b, c int) { p.Code = append(p.Code, luac.Instruction{Op: op, A: a, B: b, C: c}) }
	for i, m := range modules {
		p.Consts = append(p.Consts, luac.Const{Kind: luac.String, Str: m.Name})
		p.Protos = append(p.Protos, m.Proto)
		code(luac.Eq, 0, 0, luac.ConstBit|i)
		code(luac.Jmp, 0, 2, 0)
		code(luac.Closure, 1, i, 0)
		code(luac.Return, 1, 2, 0)
	}
	p.Consts = append(p.Consts, luac.Const{Kind: luac.Number, Num: float64(time)})
	code(luac.LoadK, 1, n, 0)
	code(luac.NewTable, 2, luac.PackHint(n), 0)
	for i := range modules {
		code(luac.LoadK, i+3, i, 0)
	}
	code(luac.SetList, 2, n, 1)
	code(luac.Return, 1, 3, 0)
	code(luac.Return, 0, 1, 0)
	p.Complete()
	return p, nil
}

// modulesOf takes an index apart. ok is false when it is none.
func modulesOf(p *luac.Proto) (modules []Module, time int64, ok bool) {
	n := len(p.Protos)
	if len(p.Consts) != n+1 || p.Consts[n].Kind != luac.Number {
		return nil, 0, false
	}
	for i, child := range p.Protos {
		if p.Consts[i].Kind != luac.String {
			return nil, 0, false
		}
		modules = append(modules, Module{p.Consts[i].Str, child})
	}
	return modules, int64(p.Consts[n].Num), true
}
