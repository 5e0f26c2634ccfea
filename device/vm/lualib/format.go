package lualib

import (
	"math"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// strFormat is string.format: C's printf on the chip, where int and long have 32
// bits (fw: app/lua/lstrlib.c, str_format).
func strFormat(c *vm.Call) int {
	top := c.NArgs()
	format := c.String(1)
	b := newBuffer(c)
	arg := 1
	for i := 0; i < len(format); {
		if format[i] != '%' {
			b.byte(format[i])
			i++
			continue
		}
		i++
		if i < len(format) && format[i] == '%' {
			b.byte('%')
			i++
			continue
		}
		if arg++; arg > top {
			c.ArgError(arg, "no value")
		}
		spec, n, err := luanum.ParseSpec(format[i:])
		if err != nil {
			c.Error("%s", err)
		}
		i += n
		formatItem(c, b, spec, arg)
	}
	return b.finish()
}

// strMod is text % x, which is string.format(text, x), where x may be a table of
// arguments.
func strMod(c *vm.Call) int {
	if t, ok := c.Arg(2).(*vm.Table); ok && !c.VM.IsROM(t) {
		n := c.VM.Len(t)
		if !c.CheckStack(n) {
			c.Error("stack overflow")
		}
		c.SetTop(2)
		for i := 1; i <= n; i++ {
			c.PushRawInt(t, i)
		}
		c.Remove(2)
	}
	return strFormat(c)
}

// formatItem adds argument arg as spec says.
func formatItem(c *vm.Call, b *buffer, spec luanum.Spec, arg int) {
	var item []byte
	switch spec.Verb {
	case 'c':
		item = spec.AppendChar(nil, byte(luanum.Long(c.Number(arg))))
	case 'd', 'i':
		x := c.Number(arg)
		if luanum.Saturates(x) {
			c.VM.Surprise(vm.IntegerSaturates)
		}
		item = spec.AppendInt(nil, int64(luanum.Long(x)))
	case 'o', 'u', 'x', 'X':
		x := c.Number(arg)
		if !(x >= math.MinInt32 && x < 1<<32) {
			c.VM.Surprise(vm.IntegerSaturates)
		}
		item = spec.AppendUint(nil, uint64(luanum.ULong(x)))
	case 'e', 'E', 'f', 'g', 'G':
		if item = spec.AppendFloat(nil, c.Number(arg)); len(item) == 0 {
			c.VM.Surprise(vm.FixedTooLarge)
		}
	case 'q':
		quote(b, c.String(arg))
		return
	case 's':
		s := c.String(arg)
		if spec.Prec < 0 && len(s) >= 100 {
			c.PushCopy(arg) // too long to be padded: taken as it is
			b.top()
			return
		}
		item = spec.AppendString(nil, s)
	default:
		verb := ""
		if spec.Verb != 0 {
			verb = string([]byte{spec.Verb})
		}
		c.Error("invalid option '%%%s' to 'format'", verb)
	}
	b.string(string(item))
}

// quote adds s as a Lua string literal.
func quote(b *buffer, s string) {
	b.byte('"')
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"', '\\', '\n':
			b.byte('\\')
			b.byte(s[i])
		case '\r':
			b.string(`\r`)
		case 0:
			b.string(`\000`)
		default:
			b.byte(s[i])
		}
	}
	b.byte('"')
}
