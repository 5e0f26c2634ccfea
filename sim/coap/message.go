package coap

import "encoding/binary"

// Message types, codes and options of RFC 7252 that the module knows.
const (
	confirmable     = 0
	nonConfirmable  = 1
	acknowledgement = 2
	reset           = 3

	codeGet      = 1
	codePost     = 2
	codePut      = 3
	codeDelete   = 4
	codeContent  = 2<<5 | 5
	codeBad      = 4 << 5
	codeNotFound = 4<<5 | 4

	optionHost    = 3
	optionPort    = 7
	optionPath    = 11
	optionContent = 12
	optionQuery   = 15

	textPlain  = 0
	linkFormat = 40
	noContent  = 0xffff // the firmware sends it all the same
)

const (
	headerLen     = 4
	maxToken      = 8
	payloadMarker = 0xff
	version       = 1
)

// option is one option of a message.
type option struct {
	number uint8
	value  []byte
}

// message is one message (fw: coap_packet_t).
type message struct {
	kind, code byte
	id         uint16
	token      []byte
	options    []option
	payload    []byte
}

// parse reads a message as the firmware does (fw: coap_parse): at most 16 options, of
// whose numbers 8 bits count; behind more of them there is no payload.
func parse(data []byte) (m message, ok bool) {
	if len(data) < headerLen || data[0]>>6 != version {
		return m, false
	}
	m.kind, m.code, m.id = data[0]>>4&3, data[1], binary.BigEndian.Uint16(data[2:])
	n := int(data[0] & 15)
	if n > maxToken || headerLen+n > len(data) {
		return m, false
	}
	m.token = data[headerLen : headerLen+n]
	rest := data[headerLen+n:]
	number := uint16(0)
	for len(m.options) < maxOptions && len(rest) > 0 && rest[0] != payloadMarker {
		delta, length := uint16(rest[0]>>4), uint16(rest[0]&15)
		at := 1
		for _, field := range []*uint16{&delta, &length} {
			switch *field {
			case 13:
				if len(rest) < at+1 {
					return m, false
				}
				*field = uint16(rest[at]) + 13
				at++
			case 14:
				if len(rest) < at+2 {
					return m, false
				}
				*field = binary.BigEndian.Uint16(rest[at:]) + 269
				at += 2
			case 15:
				return m, false
			}
		}
		if at+int(length) > len(rest) {
			return m, false
		}
		number += delta
		m.options = append(m.options, option{uint8(number), rest[at : at+int(length)]})
		rest = rest[at+int(length):]
	}
	if len(rest) > 1 && rest[0] == payloadMarker {
		m.payload = rest[1:]
	}
	return m, true
}

// find returns the first run of options of a number (fw: coap_findOptions).
func (m *message) find(number uint8) (run []option) {
	for _, o := range m.options {
		if o.number == number {
			run = append(run, o)
		} else if run != nil {
			break
		}
	}
	return run
}

// build writes a message of at most limit bytes (fw: coap_build). Options are in the order
// of their numbers, and shorter than 269 bytes.
func (m *message) build(limit int) (data []byte, ok bool) {
	data = append(data, version<<6|m.kind<<4|byte(len(m.token)), m.code, byte(m.id>>8), byte(m.id))
	data = append(data, m.token...)
	last := uint8(0)
	for _, o := range m.options {
		if len(data) > limit {
			return nil, false
		}
		delta, length := int(o.number-last), len(o.value)
		data = append(data, nibble(delta)<<4|nibble(length))
		for _, n := range []int{delta, length} {
			if nibble(n) == 13 {
				data = append(data, byte(n-13))
			}
		}
		data = append(data, o.value...)
		last = o.number
	}
	if len(m.payload) > 0 {
		if limit < len(data)+1+len(m.payload) {
			return nil, false
		}
		data = append(append(data, payloadMarker), m.payload...)
	}
	return data, true
}

func nibble(n int) byte { return byte(min(n, 13)) }
