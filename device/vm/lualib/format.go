package lualib

import (
	"bytes"
	"strings"

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

// formatItem adds argument arg as spec says.
func formatItem(c *vm.Call, b *buffer, spec luanum.Spec, arg int) {
	var item []byte
	switch spec.Verb {
	case 'c':
		item = spec.AppendChar(nil, byte(luanum.Long(c.Number(arg))))
	case 'd', 'i':
		item = spec.AppendInt(nil, int64(luanum.Long(c.Number(arg))))
	case 'o', 'u', 'x', 'X':
		item = spec.AppendUint(nil, uint64(luanum.ULong(c.Number(arg))))
	case 'e', 'E', 'f', 'g', 'G':
		item = spec.AppendFloat(nil, c.Number(arg))
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
		s, _, _ = strings.Cut(s, "\x00")
		item = spec.AppendString(nil, s)
	default:
		verb := ""
		if spec.Verb != 0 {
			verb = string([]byte{spec.Verb})
		}
		c.Error("invalid option '%%%s' to 'format'", verb)
	}
	if i := bytes.IndexByte(item, 0); i >= 0 {
		item = item[:i] // where sprintf's result ends
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
