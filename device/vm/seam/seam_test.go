package seam

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"

	"github.com/nodemcu-sim/nodemcu-sim/internal/sources"
)

const (
	module     = "github.com/nodemcu-sim/nodemcu-sim"
	gopherPath = "github.com/yuin/gopher-lua"
)

// behindSeam are the packages that may know gopher-lua.
var behindSeam = []string{
	module + "/device/vm",
}

// besideSeam are files that use it for something else than the device, and why.
var besideSeam = map[string]string{
	"app/serve_bench_test.go": "serves the same page with plain gopher-lua, to compare",
	"luatest/bench_test.go":   "runs the same tests with mocks in plain gopher-lua, to compare",
}

// insteadOf says what to use for a method of gopher-lua's.
var insteadOf = map[string]string{
	"LValue.String": "VM.ToString, VM.TypeName or VM.Address",
	"LValue.Type":   "VM.TypeName",
}

// objects are the types of package vm that only it makes.
var objects = []string{"Table", "Function", "UserData", "Thread"}

func TestNothingElseSeesGopherLua(t *testing.T) {
	root := sources.Watch(t)
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports |
			packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo,
		Dir:   root,
		Tests: true,
	}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{} // a file is in more than one build of a package
	excused := map[string]bool{}
	for _, p := range pkgs {
		if len(p.Errors) > 0 {
			t.Errorf("cannot check %s: %v", p.ID, p.Errors[0])
		}
		if slices.Contains(behindSeam, strings.TrimSuffix(p.PkgPath, "_test")) {
			continue
		}
		report := func(pos token.Pos, problem string) {
			at := p.Fset.Position(pos)
			file, err := filepath.Rel(root, at.Filename)
			if err != nil {
				file = at.Filename
			}
			file = filepath.ToSlash(file)
			if besideSeam[file] != "" {
				excused[file] = true
				return
			}
			found[fmt.Sprintf("%s:%d: %s", file, at.Line, problem)] = true
		}
		for _, file := range p.Syntax {
			look(p.TypesInfo, file, report)
		}
	}
	for file := range besideSeam {
		if !excused[file] {
			t.Errorf("%s no longer uses gopher-lua: take it out of besideSeam", file)
		}
	}
	problems := make([]string, 0, len(found))
	for problem := range found {
		problems = append(problems, problem)
	}
	slices.Sort(problems)
	for _, problem := range problems {
		t.Error(problem)
	}
}

// look reports what in a file belongs to gopher-lua.
func look(info *types.Info, file *ast.File, report func(pos token.Pos, problem string)) {
	for _, imp := range file.Imports {
		if strings.Trim(imp.Path.Value, `"`) == gopherPath {
			report(imp.Pos(), "imports gopher-lua: use package vm")
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if obj := info.Uses[n]; obj != nil && obj.Pkg() != nil && obj.Pkg().Path() == gopherPath {
				name := qualified(info, file, n, obj)
				advice := "add an accessor to device/vm/access.go"
				if use := insteadOf[name]; use != "" {
					advice = "use vm." + use
				}
				report(n.Pos(), name+" is gopher-lua's: "+advice)
			}
		case *ast.CompositeLit:
			if name := gopherType(info.TypeOf(n)); name != "" {
				report(n.Pos(), "makes an "+name+" that the VM does not know of: use VM.NewTable, VM.NewObject …")
			}
			if name := vmType(info.TypeOf(n)); slices.Contains(objects, name) {
				report(n.Pos(), "makes a vm."+name+" that the VM does not know of: use VM.NewTable, VM.NewObject …")
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && info.Uses[id] == types.Universe.Lookup("new") && slices.Contains(objects, vmType(info.TypeOf(n))) {
				report(n.Pos(), "makes a vm."+vmType(info.TypeOf(n))+" that the VM does not know of: use VM.NewTable, VM.NewObject …")
			}
			if fn, ok := calledIn(info, n); ok {
				for _, arg := range n.Args {
					if name := gopherType(info.TypeOf(arg)); name != "" {
						report(arg.Pos(), fn+" prints an "+name+" with gopher-lua's method String: convert it, or use VM.ToString")
					}
				}
			}
		}
		return true
	})
}

// qualified names a method or field with its type: "LTable.RawGet".
func qualified(info *types.Info, file *ast.File, id *ast.Ident, obj types.Object) string {
	if fn, ok := obj.(*types.Func); ok {
		if recv := fn.Signature().Recv(); recv != nil {
			return gopherType(recv.Type()) + "." + obj.Name()
		}
	}
	name := obj.Name()
	if v, ok := obj.(*types.Var); ok && v.IsField() {
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel == id {
				name = gopherType(info.TypeOf(sel.X)) + "." + obj.Name()
			}
			return true
		})
	}
	return name
}

// gopherType returns the name of a type of gopher-lua's or of a pointer to one,
// "" for any other. vmType is the same for those of package vm.
func gopherType(t types.Type) string { return typeOf(t, gopherPath) }
func vmType(t types.Type) string     { return typeOf(t, module+"/device/vm") }

func typeOf(t types.Type, path string) string {
	if t == nil {
		return ""
	}
	t = types.Unalias(t)
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	if named, ok := t.(*types.Named); ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == path {
		return named.Obj().Name()
	}
	return ""
}

// calledIn returns the name of the function that a call calls if it is one that
// prints its arguments.
func calledIn(info *types.Info, call *ast.CallExpr) (name string, ok bool) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	fn, ok := info.Uses[sel.Sel].(*types.Func)
	if !ok || fn.Pkg() == nil {
		return "", false
	}
	path := fn.Pkg().Path()
	return fn.Name(), path == "fmt" || path == "log" || path == "testing"
}
