package luac

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

type snippet struct {
	Name, Source string
	Functions    []struct {
		Path                            string
		LineDefined                     int
		LastLineDefined                 int
		Instructions, Constants, Nested int
		Upvalues, Params                int
		MaxStack                        int   `json:"max_stack"`
		Vararg                          int   `json:"is_vararg"`
		LineInfo                        int   `json:"lineinfo_bytes"`
		Bytes                           int   `json:"proto_bytes"`
		Lines                           []int `json:"instr_lines"`
		Ops                             string
	}
	Compile struct {
		Alloc int `json:"alloc_total"`
		Peak  int `json:"peak_above_before"`
		N     int `json:"n_alloc"`
		NGrow int `json:"n_grow"`
	}
}

// Every prototype of the corpus must come out as the firmware's compiler made it.
func TestPrototypes(t *testing.T) {
	data, err := os.ReadFile("../testdata/memory-snippets.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []snippet
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range all {
		p, cerr := Compile(s.Source, "=s", KeepLines, nil, nil)
		if cerr != nil {
			t.Errorf("%s: %v", s.Name, cerr)
			continue
		}
		var flat []*Proto
		var walk func(*Proto)
		walk = func(p *Proto) {
			flat = append(flat, p)
			for _, n := range p.Protos {
				walk(n)
			}
		}
		walk(p)
		for i, got := range flat {
			want := s.Functions[i] // what the script itself loads comes after
			n++
			var ops []string
			for _, in := range got.Code {
				if in.Op == Extra {
					ops = append(ops, "EXTRA")
					continue
				}
				ops = append(ops, opNames[in.Op])
			}
			if o := strings.Join(ops, " "); want.Ops != "" && o != want.Ops {
				t.Errorf("%s %s\n got %s\nwant %s", s.Name, want.Path, o, want.Ops)
				continue
			}
			vararg := 0
			for bit, on := range []bool{got.HasArg, got.IsVararg, got.NeedsArg} {
				if on {
					vararg |= 1 << bit
				}
			}
			if len(got.Consts) != want.Constants || got.MaxStack != want.MaxStack || got.Upvalues != want.Upvalues ||
				got.Params != want.Params || got.LineDefined != want.LineDefined || got.LastLineDefined != want.LastLineDefined ||
				vararg != want.Vararg || len(got.LineInfo) != want.LineInfo || got.Bytes() != want.Bytes {
				t.Errorf("%s %s: got %+v (vararg %d, line info %d, %d bytes)\nwant %+v", s.Name, want.Path, got, vararg,
					len(got.LineInfo), got.Bytes(), want)
			}
			for j, l := range got.Lines {
				if j < len(want.Lines) && l != want.Lines[j] {
					t.Errorf("%s %s: instruction %d on line %d, want %d", s.Name, want.Path, j, l, want.Lines[j])
				}
			}
		}
	}
	t.Logf("%d prototypes", n)
}
