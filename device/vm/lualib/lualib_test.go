package lualib_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
)

// machine is a VM with the standard libraries and a few files.
type machine struct {
	v     *vm.VM
	out   strings.Builder
	files map[string]string
	nanos int64 // CPU time after which the watchdog bites, 0: never
}

func newMachine() *machine {
	m := &machine{files: map[string]string{}}
	seed := uint32(0)
	m.v = vm.New(vm.Config{
		Output: func(s string) { m.out.WriteString(s) },
		ReadFile: func(name string) ([]byte, bool) {
			s, ok := m.files[name]
			return []byte(s), ok
		},
		Embedded: func(name string) ([]byte, bool) {
			return []byte("return {name = ..., embedded = true}"), name == "shipped"
		},
		Random: func() uint32 { seed = seed*1664525 + 1013904223; return seed },
		Slice: func() {
			if m.nanos > 0 && m.v.CPU() > m.nanos {
				m.v.Kill("watchdog")
			}
		},
		SliceNanos: 1e6,
		Heap:       heap.New(heap.Config{Layout: heap.Ideal, Size: 1 << 20}),
	})
	m.v.SetPrices(vm.Prices{Instruction: 1000, Call: 1000})
	lualib.Open(m.v)
	m.v.StartAccounting()
	m.v.SetEGC(heap.EGCAlways, 0) // no cap on joined strings: as any other Lua
	return m
}

// run runs a chunk and returns what it printed, and the error that ended it.
func (m *machine) run(src string) string {
	m.out.Reset()
	fn, err := m.v.Load([]byte(src), "=s")
	if err != nil {
		return "load: " + err.Error()
	}
	_, lerr, kill := m.v.Call(fn, 0)
	out := strings.TrimSuffix(m.out.String(), "\n")
	switch {
	case kill != nil:
		return out + "killed: " + kill.Reason
	case lerr != nil:
		return out + "error: " + lerr.Message()
	}
	return out
}

// runReal runs src with a Lua 5.1 of this machine. ok is false without one.
func runReal(t *testing.T, src string) (out string, ok bool) {
	path, err := exec.LookPath("lua5.1")
	if err != nil {
		return "", false
	}
	cmd := exec.Command(path, "-e", `local s = io.read("*a") io.stdin:close()
		local f, e = loadstring(s, "=s") if not f then io.write("load: ", e) return end
		local ok, e = pcall(f)
		if not ok then io.write("error: ", tostring(e)) end`)
	cmd.Stdin = strings.NewReader(src)
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("lua5.1 does not survive this: %v: %s", err, src)
		return "", false
	}
	out, _, _ = strings.Cut(string(b), "\n\t[C]: in function 'pcall'\n\t(command line)") // below the chunk
	return strings.TrimSuffix(out, "\n"), true
}

type snippet struct {
	src, want string
	differs   bool // from Lua on a PC, as the firmware does
}

// check runs snippets, and says where a real Lua of this machine has another
// opinion.
func check(t *testing.T, snippets []snippet) {
	t.Helper()
	if _, ok := runReal(t, ""); !ok {
		t.Log("lua5.1 is not installed: expectations are not confirmed")
	}
	for _, s := range snippets {
		if got := newMachine().run(s.src); got != s.want {
			t.Errorf("%s\n\tgot  %q\n\twant %q", s.src, got, s.want)
		}
		if real, ok := runReal(t, s.src); ok && (real == s.want) == s.differs {
			t.Errorf("%s\n\tlua5.1 says %q\n\tthe test   %q (differs: %v)", s.src, real, s.want, s.differs)
		}
	}
}
