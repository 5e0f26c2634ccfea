package vm

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// Every function of the measured snippets goes through a precompiled chunk
// unchanged.
func TestDump(t *testing.T) {
	data, err := os.ReadFile("testdata/memory-snippets.json")
	if err != nil {
		t.Fatal(err)
	}
	var snippets []struct{ Name, Source string }
	if err := json.Unmarshal(data, &snippets); err != nil {
		t.Fatal(err)
	}
	for _, s := range snippets {
		v := New(Config{SliceNanos: 1e15})
		fn, err := v.Load([]byte(s.Source), "=s")
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		chunk, ok := Dump(fn, false)
		if !ok {
			t.Fatalf("%s: not dumped", s.Name)
		}
		back, err := v.undump(string(chunk), "=chunk")
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		same(t, s.Name, fn.Proto, back)
	}
	if len(snippets) < 100 {
		t.Errorf("only %d snippets", len(snippets))
	}
}

func same(t *testing.T, name string, a, b *lua.FunctionProto) {
	if a.SourceName != b.SourceName || a.LineDefined != b.LineDefined || a.LastLineDefined != b.LastLineDefined ||
		a.NumUpvalues != b.NumUpvalues || a.NumParameters != b.NumParameters || a.IsVarArg != b.IsVarArg || a.NumUsedRegisters != b.NumUsedRegisters {
		t.Errorf("%s: head differs", name)
	}
	if !reflect.DeepEqual(a.Code, b.Code) || !reflect.DeepEqual(a.DbgSourcePositions, b.DbgSourcePositions) {
		t.Errorf("%s: code differs", name)
	}
	if len(a.Constants) != len(b.Constants) || len(a.FunctionPrototypes) != len(b.FunctionPrototypes) {
		t.Fatalf("%s: %d constants, %d functions, want %d and %d", name, len(b.Constants), len(b.FunctionPrototypes), len(a.Constants), len(a.FunctionPrototypes))
	}
	for i := range a.Constants {
		if a.Constants[i] != b.Constants[i] {
			t.Errorf("%s: constant %v became %v", name, a.Constants[i], b.Constants[i])
		}
	}
	for i := range a.FunctionPrototypes {
		same(t, name, a.FunctionPrototypes[i], b.FunctionPrototypes[i])
	}
}
