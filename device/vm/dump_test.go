package vm

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"
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
		back, err := v.Load(chunk, "=chunk")
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		same(t, s.Name, fn.proto, back.proto)
	}
	if len(snippets) < 100 {
		t.Errorf("only %d snippets", len(snippets))
	}
}

func same(t *testing.T, name string, a, b *proto) {
	if a.source != b.source && a.source.s != b.source.s || a.lineDefined != b.lineDefined || a.lastLine != b.lastLine ||
		a.nups != b.nups || a.params != b.params || a.vararg != b.vararg || a.maxStack != b.maxStack {
		t.Errorf("%s: head differs", name)
	}
	if !reflect.DeepEqual(a.code, b.code) || !reflect.DeepEqual(a.lines, b.lines) {
		t.Errorf("%s: code differs", name)
	}
	if len(a.k) != len(b.k) || len(a.protos) != len(b.protos) {
		t.Fatalf("%s: %d constants, %d functions, want %d and %d", name, len(b.k), len(b.protos), len(a.k), len(a.protos))
	}
	for i := range a.k {
		if !a.k[i].same(b.k[i]) {
			t.Errorf("%s: constant %v became %v", name, a.k[i].boundary(), b.k[i].boundary())
		}
	}
	for i := range a.protos {
		same(t, name, a.protos[i], b.protos[i])
	}
}
