package mbedtls

import (
	"encoding/binary"
	"fmt"
)

// Kinds of records.
const (
	recordChangeCipher = 20
	recordAlert        = 21
	recordHandshake    = 22
	recordData         = 23
)

// Sizes in bytes.
const (
	recordHeader = 5
	// maxPlain is what a record may hold in TLS.
	maxPlain = 1 << 14
	// encryption is by how much a record that holds ContentLen may be longer on the wire:
	// nonce, tag, padding (fw: ssl_internal.h, MBEDTLS_SSL_PAYLOAD_OVERHEAD).
	encryption = 320
)

// records is what has come from the wire, cut into records: crypto/tls gets whole ones and
// never more than one at a time, so that it can't look ahead; and the chip's own limits are
// checked where the chip checks them.
type records struct {
	in        []byte
	whole     int // bytes of the record at the beginning that may be read
	encrypted bool
}

func (r *records) take(data []byte) { r.in = append(r.in, data...) }

// next copies from the record at hand: nothing when there is no whole one.
func (r *records) next(to []byte) (int, error) {
	if r.whole == 0 {
		if err := r.look(); err != nil {
			return 0, err
		}
	}
	n := copy(to, r.in[:r.whole])
	r.whole -= n
	r.in = r.in[n:]
	if len(r.in) == 0 {
		r.in = nil
	}
	return n, nil
}

// look looks at the next record, as soon as its header is there.
func (r *records) look() error {
	if len(r.in) < recordHeader {
		return nil
	}
	kind, n := r.in[0], int(binary.BigEndian.Uint16(r.in[3:]))
	limit := ContentLen
	if r.encrypted {
		limit += encryption
	}
	switch {
	case kind < recordChangeCipher || kind > recordData || r.in[1] != 3 || r.in[2] > 3:
		return failure{ErrRecord, fmt.Sprintf("what the server sends is not TLS (%q): does it speak TLS at this port?", r.in[:recordHeader])}
	case n > limit:
		return tooLong(n)
	case len(r.in) < recordHeader+n:
		return nil
	}
	if kind == recordHandshake && !r.encrypted {
		if err := fragmented(r.in[recordHeader : recordHeader+n]); err != nil {
			return err
		}
	}
	if kind == recordChangeCipher {
		r.encrypted = true
	}
	r.whole = recordHeader + n
	return nil
}

// fragmented refuses a message of the handshake that goes on in another record: the chip
// has no place to put such together.
func fragmented(messages []byte) error {
	const header = 4
	for len(messages) > 0 {
		if len(messages) < header {
			return failure{ErrUnsupported, "a message of the handshake begins at the end of a record"}
		}
		n := header + int(messages[1])<<16 + int(messages[2])<<8 + int(messages[3])
		if n > len(messages) {
			return failure{ErrUnsupported, fmt.Sprintf("a message of the handshake, of %d bytes, is spread over several records, which the chip can't put together: give the server a shorter chain of certificates", n)}
		}
		messages = messages[n:]
	}
	return nil
}

// tooLong is the error of a record of n bytes.
func tooLong(n int) error {
	return failure{ErrRecord, fmt.Sprintf("the server sent a record of %d bytes, and the chip's buffer holds %d: shorten the chain of certificates or the answers, or limit the server's records. (The chip asks for short ones, max_fragment_length; OpenSSL and GnuTLS heed that, Go and Windows don't. The simulator can't ask.)", n, ContentLen)}
}
