package tls

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/mbedtls"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// setting is what one function of tls.cert sets.
type setting struct {
	name    string // "tls.cert.verify"
	fn      *vm.Ref
	ask     *espconn.Ask
	flash   *bool // what lies in the flash is used
	page    *mbedtls.Page
	entries []string // names of what lies there
	kinds   []string // and what it is as PEM
}

// certVerify is tls.cert.verify(fn | pem | bool).
func (m *module) certVerify(c *vm.Call) int {
	creds := &m.layer.Credentials
	return m.set(c, setting{"tls.cert.verify", &m.verify, &creds.CA, &creds.FlashCA, &m.d.TLSFlash().CA, []string{"certificate"}, []string{"CERTIFICATE"}})
}

// certAuth is tls.cert.auth(fn | pem, pem | bool).
func (m *module) certAuth(c *vm.Call) int {
	creds := &m.layer.Credentials
	return m.set(c, setting{"tls.cert.auth", &m.auth, &creds.Own, &creds.FlashOwn, &m.d.TLSFlash().Own,
		[]string{"certificate", "private_key"}, []string{"CERTIFICATE", "RSA PRIVATE KEY"}})
}

func (m *module) set(c *vm.Call, s setting) int {
	m.v.Unref(s.fn)
	*s.ask = nil
	if fn, ok := c.Arg(1).(*vm.Function); ok {
		m.v.SetRef(s.fn, fn, "function of "+s.name)
		*s.ask = m.asker(s)
		c.Push(vm.Bool(true))
		return 1
	}
	if c.IsNone(1) || c.Arg(1) != vm.Nil {
		m.d.Serial.WriteText("Warning, deprecated API! " + s.name + "'s old interface. It will be removed soon. See documentation for details.\n")
	}
	enable := c.Bool(1)
	if _, ok := c.Arg(1).(vm.String); ok {
		if problem := m.store(c, s); problem != "" {
			c.Error("%s", problem)
		}
		enable = true
	}
	if enable && s.page.Empty() {
		c.Error("no certificates found")
	}
	*s.flash = enable
	c.Push(vm.Bool(true))
	return 1
}

// asker calls the function for certificates. What goes wrong in it nobody hears of on the
// device (fw: nodemcu_tls_cert_get).
func (m *module) asker(s setting) espconn.Ask {
	ref := s.fn
	return func(k int) (text string, more, ok bool) {
		results, err := m.d.CallProtected(s.name, m.v.Deref(*ref), 1, vm.Number(k))
		if err != nil {
			m.Hints.Once(s.name+" failed", "the function of %s failed, which the firmware keeps to itself: %v", s.name, err)
			return "", false, false
		}
		switch v := results[0]; v {
		case vm.Nil, vm.Bool(false):
			return "", false, true
		default:
			text, isText := m.v.ToString(v)
			return text, true, isText
		}
	}
}

// store puts certificates into the flash (fw: fill_page_with_pem).
func (m *module) store(c *vm.Call, s setting) (problem string) {
	buffer, ok := m.d.Malloc(mbedtls.PageSize, heap.Other)
	if !ok {
		c.Error("not enough memory")
	}
	defer m.d.Free(&buffer, heap.Other)
	var entries []mbedtls.Entry
	room := mbedtls.PageSize
	for i := 0; i < min(c.NArgs(), len(s.entries)); i++ {
		if !c.IsString(i + 1) {
			return "No PEM blob"
		}
		data, problem := decode(vm.CString(c.String(i+1)), s.kinds[i], room-mbedtls.PageHeader)
		if problem != "" {
			return problem
		}
		entries = append(entries, mbedtls.Entry{Name: s.entries[i], Data: data})
		room -= mbedtls.PageHeader + len(data)
	}
	s.page.Store(entries)
	return ""
}

// decode takes PEM text apart, which must fill less than room bytes (fw: append_pem_blob).
func decode(text, kind string, room int) (data []byte, problem string) {
	_, text, ok := strings.Cut(text, "-----BEGIN ")
	if !ok {
		return nil, "No PEM header"
	}
	if !strings.HasPrefix(text, kind) {
		return nil, "Wrong PEM type"
	}
	_, text, ok = strings.Cut(text, "\n")
	if !ok {
		return nil, "Incorrect PEM format"
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	bits, value, at := 0, 0, 0
loop:
	for ; at < len(text) && len(data) < room; at++ {
		switch b := text[at]; b {
		case ' ', '\t', '\n', '\v', '\f', '\r':
		case '=':
			bits = 0
		case '-':
			break loop
		default:
			n := strings.IndexByte(alphabet, b)
			if n < 0 {
				return nil, "Invalid character in PEM"
			}
			if bits, value = bits+6, value<<6|n; bits >= 8 {
				bits -= 8
				data = append(data, byte(value>>bits))
			}
			value &= 0xff
		}
	}
	if len(data) >= room || !strings.HasPrefix(text[at:], "-----END "+kind) || bits != 0 {
		return nil, "Invalid PEM format data"
	}
	return data, ""
}
