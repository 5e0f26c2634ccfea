// Package valuetest checks that the inputs or events of a package are values: that its
// list of kinds is complete, that they are made of nothing but values, and that they
// come back from a file as they were. What JSON leaves out (json:"-") may be anything.
// Only tests import it.
package valuetest

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Kinded is what has a kind: a world.Stimulus, a world.Happening.
type Kinded interface{ Kind() string }

// Check checks the kinds of the package whose test calls it: all those types that have
// a method Kind.
func Check[K Kinded](t *testing.T, kinds []K) {
	t.Helper()
	complete(t, kinds)
	for _, k := range kinds {
		v := reflect.New(reflect.TypeOf(k)).Elem()
		fill(t, reflect.TypeOf(k).Name(), v)
		raw, err := json.Marshal(v.Interface())
		if err != nil {
			t.Errorf("%T: %v", k, err)
			continue
		}
		back := reflect.New(v.Type())
		if err := json.Unmarshal(raw, back.Interface()); err != nil || !reflect.DeepEqual(back.Elem().Interface(), v.Interface()) {
			t.Errorf("%s comes back as %+v, %v", raw, back.Elem(), err)
		}
		if _, ok := back.Elem().Interface().(Kinded); !ok {
			t.Errorf("%T has its kind as a pointer only", k)
		}
	}
}

// complete compares kinds with the types of the package that have a method Kind.
func complete[K Kinded](t *testing.T, kinds []K) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var declared, listed []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == "Kind" {
				declared = append(declared, types.ExprString(f.Recv.List[0].Type))
			}
		}
	}
	names := map[string]bool{}
	for _, k := range kinds {
		listed = append(listed, reflect.TypeOf(k).Name())
		if names[k.Kind()] {
			t.Errorf("two kinds are called %q", k.Kind())
		}
		names[k.Kind()] = true
	}
	slices.Sort(declared)
	slices.Sort(listed)
	if len(listed) == 0 || !slices.Equal(declared, listed) {
		t.Errorf("types with a kind %v\nlisted            %v", declared, listed)
	}
}

// fill sets v to something that is not zero.
func fill(t *testing.T, name string, v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.1")))
		return
	case reflect.TypeFor[netip.AddrPort]():
		v.Set(reflect.ValueOf(netip.MustParseAddrPort("192.0.2.1:80")))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-7)
	case reflect.Uint8, reflect.Uint16, reflect.Uint64:
		v.SetUint(7)
	case reflect.Float64:
		v.SetFloat(0.7)
	case reflect.String:
		v.SetString("seven")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, name+"[]", v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Tag.Get("json") == "-" {
				continue
			}
			if !f.IsExported() {
				t.Errorf("%s.%s is not exported", name, f.Name)
				continue
			}
			fill(t, name+"."+f.Name, v.Field(i))
		}
	default:
		t.Errorf("%s is a %v: no value, or one this test has to learn", name, v.Type())
	}
}
