package lwip

import "net/netip"

// AnyAddr is 0.0.0.0, IP_ADDR_ANY.
var AnyAddr = netip.IPv4Unspecified()

var allSystems = netip.AddrFrom4([4]byte{224, 0, 0, 1})

func isAny(a netip.Addr) bool { return !a.IsValid() || a == AnyAddr }

// ParseAddr reads an IPv4 address in the forms of inet_aton: one to four parts
// separated by dots, each decimal, octal (leading 0) or hexadecimal (0x), the
// last part filling the remaining bytes. What follows the address must be white
// space or nothing (fw: app/lwip/core/ipv4/ip_addr.c).
func ParseAddr(text string) (netip.Addr, bool) {
	var parts [4]uint32
	n, i := 0, 0
	for {
		if i >= len(text) || text[i] < '0' || text[i] > '9' {
			return netip.Addr{}, false
		}
		base := uint32(10)
		if text[i] == '0' {
			i++
			base = 8
			if i < len(text) && (text[i] == 'x' || text[i] == 'X') {
				i++
				base = 16
			}
		}
		var v uint32
		for ; i < len(text); i++ {
			d, ok := digit(text[i], base)
			if !ok {
				break
			}
			v = v*base + d // wraps as the firmware's does
		}
		parts[n] = v
		n++
		if i >= len(text) || text[i] != '.' {
			break
		}
		if n > 3 {
			return netip.Addr{}, false
		}
		i++
	}
	if i < len(text) && !isSpace(text[i]) && text[i] != 0 { // 0: a C string ends there
		return netip.Addr{}, false
	}
	last := parts[n-1]
	limit := [...]uint64{1 << 32, 1 << 24, 1 << 16, 1 << 8}
	if uint64(last) >= limit[n-1] {
		return netip.Addr{}, false
	}
	v := last
	for j := range n - 1 {
		if parts[j] > 0xff {
			return netip.Addr{}, false
		}
		v |= parts[j] << (24 - 8*j)
	}
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), true
}

// digit is the value of a digit. As in the firmware, decimal digits 8 and 9 are
// accepted in octal numbers.
func digit(c byte, base uint32) (uint32, bool) {
	switch {
	case c >= '0' && c <= '9':
		return uint32(c - '0'), true
	case base == 16 && c >= 'a' && c <= 'f':
		return uint32(c-'a') + 10, true
	case base == 16 && c >= 'A' && c <= 'F':
		return uint32(c-'A') + 10, true
	}
	return 0, false
}

func isSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}
