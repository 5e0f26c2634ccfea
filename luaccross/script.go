package luaccross

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
)

// scriptMemory is how much memory a script of -e has, in bytes.
const scriptMemory = 64 << 20

// script runs a file in the firmware's Lua, with its name as argument, and returns the function
// that it returns, nil when it returns something else.
func (r *run) script(name string) (*luac.Proto, error) {
	p, err := r.load(name)
	if err != nil {
		return nil, err
	}
	v := r.newLua()
	chunk := "@" + name
	fn, err := v.Load(luac.Dump(p, false), chunk)
	if err != nil {
		return nil, err
	}
	results, lerr, kill := v.Call(fn, 1, vm.String(name))
	if lerr != nil {
		return nil, errors.New(message(lerr))
	} else if kill != nil {
		return nil, errUnread
	}
	returned, ok := results[0].(*vm.Function)
	if !ok {
		return nil, nil
	}
	dumped, ok := vm.Dump(returned, false)
	if !ok {
		return nil, errors.New(name + ": the function that it returns is none of Lua")
	}
	return luac.Undump(string(dumped), chunk, nil, nil)
}

// errUnread ends a script whose output can't be written.
var errUnread = errors.New("its output can't be written")

// absent is what scripts of luac.cross have, and here have not.
var absent = []string{"bit", "color_utils", "io", "os", "pipe", "sjson", "struct"}

// message is an error as luac.cross shows it.
func message(err *vm.Error) string {
	switch err.Value.(type) {
	case vm.String, vm.Number:
		return err.Message()
	}
	return "(null)"
}

// newLua makes the Lua for a script. It reads files of this computer's as loadfile and require do.
func (r *run) newLua() *vm.VM {
	random := rand.New(rand.NewPCG(1, 1))
	var v *vm.VM
	v = vm.New(vm.Config{
		Heap:   heap.New(heap.Config{Layout: heap.Ideal, Size: scriptMemory}),
		Random: random.Uint32,
		Now:    func() int64 { return 0 },
		Output: func(s string) {
			if _, err := io.WriteString(r.Stdout, s); err != nil {
				v.Kill("")
			}
		},
		ReadFile: func(name string) ([]byte, bool) {
			data, err := readFile(name)
			return data, err == nil
		},
	})
	told := map[string]bool{}
	v.OnAbsent = func(name string) {
		if slices.Contains(absent, name) && !told[name] {
			told[name] = true
			fmt.Fprintf(r.Stderr, "%s: hint: there is no %s here; scripts have the firmware's standard library\n", r.Name, name)
		}
	}
	lualib.Open(v)
	return v
}
