package vm_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
)

// language is what pieces of Lua did on the firmware's own VM, with its libraries.
type language struct {
	Prelude, Chunkname string
	Cases              []languageCase
}

// languageCase is a chunk, run in a fresh state after the prelude.
type languageCase struct {
	Name, Lua string
	Out       string // what it printed
	Error     string // with which it ended
	ErrorType string `json:"error_type"` // of an error that is no string
	LoadError string `json:"load_error"` // it did not compile
	// The same in base64, where it is no text.
	OutB64       string `json:"out_b64"`
	ErrorB64     string `json:"error_b64"`
	LoadErrorB64 string `json:"load_error_b64"`
}

// The language and its library do what they do on the firmware's own VM.
func TestOracleLanguage(t *testing.T) {
	oracle.Set{
		Name:     "language",
		Parallel: true,
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			set := oracle.Decode[language](t, data)
			for _, c := range set.Cases {
				entries = append(entries, oracle.Entry{Name: c.Name, Check: func() string { return c.check(set.Prelude, set.Chunkname) }})
			}
			return entries
		},
	}.Compare(t)
}

// languageRunner runs a chunk as the measurement did: from line 19 of a file.
var languageRunner = strings.Repeat("\n", 18) + `local ok, e = pcall(...) if not ok then FAILED(e) end`

// check runs the case.
func (c *languageCase) check(prelude, chunk string) (difference string) {
	b := newBounded(64<<20, 20e6)
	b.v.SetEGC(heap.EGCNotActive, 0)
	var got languageCase
	b.v.SetField(b.v.ROMGlobals(), "FAILED", b.v.NewFunction(vm.Func{Name: "FAILED", Fn: func(c *vm.Call) int {
		if got.ErrorType = c.TypeName(1); got.ErrorType == "string" {
			got.ErrorType = ""
		}
		c.DisplayAt(1)
		got.Error = noAddress(c.String(1))
		return 0
	}}))
	if end := b.run(prelude); end != "" {
		return "prelude: " + end
	}
	b.out.Reset()
	runner, err := b.v.Load([]byte(languageRunner), "@init.lua")
	if err != nil {
		return err.Error()
	}
	if fn, err := b.v.Load([]byte(c.Lua), chunk); err != nil {
		got.LoadError = err.Error()
	} else if end := b.call(runner, fn); end != "" {
		return end
	}
	got.Out = noAddress(b.out.String())
	want := *c
	for _, coded := range []struct {
		from string
		to   *string
	}{{c.OutB64, &want.Out}, {c.ErrorB64, &want.Error}, {c.LoadErrorB64, &want.LoadError}} {
		if coded.from != "" {
			text, err := base64.StdEncoding.DecodeString(coded.from)
			if err != nil {
				return err.Error()
			}
			*coded.to = string(text)
		}
	}
	if got.Out != want.Out || got.Error != want.Error || got.ErrorType != want.ErrorType || got.LoadError != want.LoadError {
		return fmt.Sprintf("%s\n\tgot  %q, error %q %s, load error %q\n\twant %q, error %q %s, load error %q", c.Lua,
			got.Out, got.Error, got.ErrorType, got.LoadError, want.Out, want.Error, want.ErrorType, want.LoadError)
	}
	return ""
}

var objectAddress = regexp.MustCompile(`((?:table|function|thread|userdata|romtable|lightfunction): )0x[0-9a-f]+`)

// noAddress is a text with ADDR for the addresses of objects.
func noAddress(s string) string { return objectAddress.ReplaceAllString(s, "${1}ADDR") }
