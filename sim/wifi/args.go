package wifi

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

const (
	macLen     = len("AA:BB:CC:DD:EE:FF")
	invalidMAC = "MAC:FF:FF:FF:FF:FF:FF"
)

// optBool returns argument n, which must be a boolean or absent (nil).
func optBool(c *vm.Call, n int, def bool) bool {
	if c.IsNoneOrNil(n) {
		return def
	}
	b, ok := c.Arg(n).(vm.Bool)
	if !ok {
		c.TypeError(n, "boolean")
	}
	return bool(b)
}

// table returns argument 1, which must be a table.
func table(c *vm.Call, message string) *vm.Table {
	t, ok := c.Arg(1).(*vm.Table)
	if !ok {
		c.ArgError(1, message)
	}
	return t
}

// fields reads a table of settings, as the firmware does: with metamethods, and with a
// message of its own for each field. Strings may be numbers and the other way round.
type fields struct {
	c *vm.Call
	t *vm.Table
}

func (f fields) get(name string) (vm.Value, bool) {
	v := f.c.Index(f.t, vm.String(name))
	return v, v != vm.Nil
}

func (f fields) number(name string, def int, message string) int {
	v, ok := f.get(name)
	if !ok {
		return def
	}
	n, ok := f.c.VM.ToNumber(v)
	if !ok {
		f.c.ArgError(1, message)
	}
	return vm.Integer(n)
}

// small is number for a field that the firmware keeps in one byte: 257 is 1.
func (f fields) small(name string, def int, message string) int {
	return int(uint8(f.number(name, def, message)))
}

// ranged is number with bounds.
func (f fields) ranged(name string, def, lo, hi int, message, outside string) int {
	n := f.number(name, def, message)
	if n < lo || n > hi {
		f.c.ArgError(1, outside)
	}
	return n
}

func (f fields) boolean(name string, def bool, message string) bool {
	v, ok := f.get(name)
	if !ok {
		return def
	}
	b, ok := v.(vm.Bool)
	if !ok {
		f.c.ArgError(1, message)
	}
	return bool(b)
}

func (f fields) text(name string, message string) (string, bool) {
	v, ok := f.get(name)
	if !ok {
		return "", false
	}
	s, ok := f.c.VM.ToString(v)
	if !ok {
		f.c.ArgError(1, message)
	}
	return s, true
}

// address reads an IP address. A text that is none counts as 255.255.255.255, and
// 0.0.0.0 as absent (fw: wifi.c, parse_key).
func (f fields) address(name string) (netip.Addr, bool) {
	x, _ := f.get(name)
	s, ok := f.c.VM.ToString(x)
	if !ok {
		return netip.Addr{}, false
	}
	a, ok := lwip.ParseAddr(s)
	if !ok {
		a = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	}
	return a, a != lwip.AnyAddr
}

// parseMAC reads six pairs of hexadecimal digits with any separators. Other
// characters count as 0.
func parseMAC(text string) (m air.MAC) {
	for i := range m {
		if 3*i+1 < len(text) {
			m[i] = hex(text[3*i])<<4 | hex(text[3*i+1])
		}
	}
	return m
}

func hex(b byte) byte {
	switch {
	case b >= '0' && b <= '9':
		return b - '0'
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10
	}
	return 0
}

func isAlpha(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

func upper(b byte) byte {
	if b >= 'a' && b <= 'z' {
		return b - 'a' + 'A'
	}
	return b
}

func isAlnum(b byte) bool { return isAlpha(b) || b >= '0' && b <= '9' }

func maskBytes(p netip.Prefix) (m [4]byte) {
	for i := range p.Bits() {
		m[i/8] |= 0x80 >> (i % 8)
	}
	return m
}

func netmask(p netip.Prefix) string { return netip.AddrFrom4(maskBytes(p)).String() }

// maskBits returns how many leading bits of a netmask are set.
func maskBits(mask netip.Addr) int {
	n := 0
	for _, b := range mask.As4() {
		for bit := byte(0x80); bit != 0; bit >>= 1 {
			if b&bit == 0 {
				return n
			}
			n++
		}
	}
	return n
}

func gateway(ip air.IPInfo) string {
	if !ip.Gateway.IsValid() {
		return lwip.AnyAddr.String()
	}
	return ip.Gateway.String()
}

// setString stores a new string in a table.
func setString(c *vm.Call, t *vm.Table, name, value string) {
	c.VM.ChargeString(len(value))
	c.VM.SetField(t, name, vm.String(value))
}
