package endusersetup

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
)

// Requests and forms (fw: app/modules/enduser_setup.c).

// complete reports whether a request is all there. Chunks of its body are put together. bad
// is a chunk that does not end as it must.
func complete(request *[]byte) (whole, bad bool) {
	data := *request
	head := bytes.Index(cString(data), []byte("\r\n\r\n"))
	if head < 0 {
		return false, false
	}
	head += len("\r\n\r\n")
	chunked := false
	// The firmware looks at what follows each line feed of the head, so at the beginning of
	// the body, too.
	for at := 0; at >= 0 && at < head; at = next(data, at+1, '\n') {
		line := cString(data[at+1:])
		if hasPrefixFold(line, "transfer-encoding:") {
			end := next(line, 0, '\n')
			if end < 0 {
				end = len(line)
			}
			chunked = chunked || bytes.Contains(line[:end], []byte("chunked"))
		}
		if hasPrefixFold(line, "content-length:") {
			// One character behind the colon is skipped, whatever it is.
			field := line[min(len("content-length:")+1, len(line)):]
			if uint32(number(field, 10))+uint32(head) > uint32(len(data)) {
				return false, false
			}
		}
	}
	if !chunked {
		return true, false
	}
	var body []byte
	for at := head; ; {
		if at >= len(data) || at <= 0 {
			return false, false
		}
		n := int(number(cString(data[at:]), 16))
		if at = next(data, at, '\n'); at < 0 {
			return false, false
		}
		if at++; n == 0 {
			break
		}
		switch end := at + n; {
		case end+2 > len(data):
			return false, false
		case end < 0 || string(data[end:end+2]) != "\r\n":
			return false, true
		case n > 0:
			body = append(body, data[at:end]...)
			fallthrough
		default:
			at = end + 2
		}
		if n < 0 { // the firmware goes back, and round for ever or to the end
			return false, true
		}
	}
	*request = append(data[:head:head], body...)
	return true, false
}

// cString is data up to its first zero byte.
func cString(data []byte) []byte {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return data[:i]
	}
	return data
}

// next is where a byte comes next, from a place on, -1: not before the text ends.
func next(data []byte, from int, b byte) int {
	if from > len(data) {
		return -1
	}
	i := bytes.IndexByte(cString(data[from:]), b)
	if i < 0 {
		return -1
	}
	return from + i
}

func hasPrefixFold(line []byte, prefix string) bool {
	return len(line) >= len(prefix) && strings.EqualFold(string(line[:len(prefix)]), prefix)
}

// number reads a number as strtol does: after white space, perhaps with a sign, 0 when
// there is none.
func number(text []byte, base int) int32 {
	s := strings.TrimLeft(string(text), " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if base == 16 && len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		s = s[2:]
	}
	n := 0
	for n < len(s) {
		if _, err := strconv.ParseUint(s[n:n+1], base, 8); err != nil {
			break
		}
		n++
	}
	v, _ := strconv.ParseInt(s[:n], base, 32) // what is too large saturates
	if negative {
		v = -v
	}
	return int32(v)
}

// paramsFile is where the fields of a form go.
const paramsFile = "eus_params.lua"

// writeForm writes the fields of a form to flash as a Lua file (fw:
// enduser_setup_write_file_with_extra_configuration_data).
func (m *module) writeForm(form string) {
	pairs := strings.Count(form, "&") + 1
	if pairs == 1 && !strings.Contains(form, "=") {
		return
	}
	texts := fields(form)
	h, err := m.d.Flash.Open(paramsFile, flash.ParseMode("w"))
	if err != nil {
		return
	}
	write := func(s string) { _ = h.Write([]byte(s)) }
	write("local p={}\n")
	for i := range pairs {
		for j, before := range []string{"p.", "=\""} {
			if 2*i+j >= len(texts) {
				m.d.Crash("enduser_setup writes a field from an address that it has not set: the form has an empty value, as the password of an open network is")
				return
			}
			write(before + texts[2*i+j])
		}
		write("\"\n")
	}
	write("return p\n")
	_ = h.Close()
}

// fields cuts a form at = and & in turn, of which several count as one, and decodes the
// pieces.
func fields(form string) (texts []string) {
	for at, cut := 0, "="; ; {
		for at < len(form) && form[at] == cut[0] {
			at++
		}
		if at == len(form) {
			return texts
		}
		piece, _, _ := strings.Cut(form[at:], cut)
		text, _ := decode(piece, len(piece)+1)
		texts = append(texts, text)
		if at += len(piece); at < len(form) {
			at++
		}
		if cut = "&"; len(texts)%2 == 0 {
			cut = "="
		}
	}
}
