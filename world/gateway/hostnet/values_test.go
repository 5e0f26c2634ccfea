package hostnet

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

	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// TestKindsAreComplete compares Kinds with the types of the package that have a
// method Kind.
func TestKindsAreComplete(t *testing.T) {
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
	for _, k := range Kinds {
		listed = append(listed, reflect.TypeOf(k).Name())
		if !strings.HasPrefix(k.Kind(), "gateway-") || names[k.Kind()] {
			t.Errorf("%T is called %q", k, k.Kind())
		}
		names[k.Kind()] = true
	}
	slices.Sort(declared)
	slices.Sort(listed)
	if len(listed) == 0 || !slices.Equal(declared, listed) {
		t.Errorf("types with a kind %v\nKinds has         %v", declared, listed)
	}
}

// TestKindsAreValues fills each kind and checks that it is made of nothing but values
// and comes back from JSON as it was.
func TestKindsAreValues(t *testing.T) {
	for _, k := range Kinds {
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
		if _, ok := back.Elem().Interface().(world.Stimulus); !ok {
			t.Errorf("%T has its kind as a pointer only", k)
		}
	}
}

// fill sets v to something that is not zero.
func fill(t *testing.T, name string, v reflect.Value) {
	if v.Type() == reflect.TypeFor[netip.Addr]() {
		v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.1")))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-7)
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(7)
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
