package lualib

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// compiled returns a loaded function, or nil and a message, as the load
// functions do. The function's globals are those of the running thread.
func compiled(c *vm.Call, source, chunk string) int {
	fn, err := c.VM.Load([]byte(source), chunk)
	return result(c, chunk, fn, err)
}

// result leaves the function, above the chunk's name, which the compiler had there
// (oracle: memory-oom.json, load_reader_big: what of old registers stays alive tells).
func result(c *vm.Call, chunk string, fn *vm.Function, err error) int {
	if err != nil { // the compiler has left its message on the stack
		c.Push(vm.Nil)
		c.Push(message(err))
		return 2
	}
	c.VM.SetFunctionEnv(fn, c.ThreadEnv())
	c.Push(vm.String(chunk))
	c.Push(fn)
	return 1
}

func failed(c *vm.Call, msg vm.Value) int {
	if s, ok := msg.(vm.String); ok {
		c.VM.Intern(string(s))
	}
	c.Push(vm.Nil)
	c.Push(msg)
	return 2
}

func message(err error) vm.Value {
	if e, ok := err.(*vm.Error); ok {
		return e.Value
	}
	return vm.String(err.Error())
}

func loadString(c *vm.Call) int {
	s := c.String(1)
	return compiled(c, s, c.OptString(2, s))
}

// load compiles what a function returns piece by piece. An error of the
// function is an error of the compilation. Slot 3 holds the piece at hand (fw:
// app/lua/lbaselib.c, generic_reader).
func load(c *vm.Call) int {
	name := c.OptString(2, "=(load)")
	c.Function(1)
	c.SetTop(3)
	fn, err := c.VM.LoadPieces(func() (string, *vm.Error) {
		if !c.CheckStack(2) {
			c.Error("stack overflow (too many nested functions)")
		}
		c.PushCopy(1)
		ok := c.PCallTop(0, 1, 0)
		top := c.Top()
		defer c.Pop(1)
		switch {
		case !ok:
			return "", &vm.Error{Value: c.Arg(top)}
		case c.IsNil(top):
			return "", nil
		case !c.IsString(top):
			return "", &vm.Error{Value: vm.String(c.Where(1) + "reader function must return a string")}
		}
		c.Copy(3, top)
		piece, _ := c.StringAt(3)
		return piece, nil
	}, name)
	return result(c, name, fn, err)
}

// openFile reads a file of the flash for loadfile and dofile.
func openFile(c *vm.Call, name string) (source string, problem vm.Value) {
	data, ok := c.VM.ReadFile(name)
	if !ok {
		return "", vm.String("cannot open " + name + ": ")
	}
	return string(data), nil
}

// fileName is argument 1 of loadfile and dofile; the firmware has no stdin to
// read instead.
func fileName(c *vm.Call) string {
	if c.IsNoneOrNil(1) {
		c.Error("filename is NULL")
	}
	return vm.CString(c.String(1))
}

func loadFile(c *vm.Call) int {
	name := fileName(c)
	source, problem := openFile(c, name)
	if problem != nil {
		return failed(c, problem)
	}
	return compiled(c, source, "@"+name)
}

func doFile(c *vm.Call) int {
	name := fileName(c)
	source, problem := openFile(c, name)
	if problem != nil {
		c.Throw(problem)
	}
	fn, err := c.VM.Load([]byte(source), "@"+name)
	if err != nil {
		c.Throw(message(err))
	}
	c.VM.SetFunctionEnv(fn, c.ThreadEnv())
	ret := c.Invoke(fn, -1)
	for _, x := range ret {
		c.Push(x)
	}
	return len(ret)
}
