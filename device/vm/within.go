package vm

// CallWithin calls fn, protected, from Go code that may or may not have been
// called by Lua: code behind print, which the interpreter uses as well. An error
// is returned; a run that is being killed goes on unwinding.
func (v *VM) CallWithin(fn Value, nret int, args ...Value) ([]Value, *Error) {
	L := v.running
	if L == nil {
		ret, err, _ := v.Call(fn, nret, args...)
		return ret, err
	}
	v.enterC(L)
	ret, err := v.protect(L, fn, nret, nil, args)
	v.nCcalls--
	v.running = L
	if v.killed != nil {
		panic(v.killed)
	}
	return ret, err
}
