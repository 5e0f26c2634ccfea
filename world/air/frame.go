package air

import "encoding/binary"

// Frame is a frame of IEEE 802.11, as a radio hears it.
type Frame struct {
	// Data is the frame from its frame control field on, without the check sequence at
	// its end. Of a data frame it is the headers only.
	Data []byte
	// Length is that of the whole frame, with its check sequence.
	Length  int
	Channel int
	RSSI    int  // dBm
	HT      bool // sent as 802.11n does
}

// Subtypes of management frames (IEEE 802.11-2012, table 8-1).
const (
	assocRequest   = 0
	assocResponse  = 1
	probeRequest   = 4
	probeResponse  = 5
	beacon         = 8
	disassociation = 10
	authentication = 11
	deauthenticate = 12
)

// qosData is the first byte of a data frame with a QoS field.
const qosData = 8<<4 | 2<<2

// Bits of a frame's second byte.
const (
	toDS      = 0x01
	fromDS    = 0x02
	protected = 0x40
)

// Lengths in bytes.
const (
	frameCheck = 4  // at the end of each frame
	qosHeader  = 26 // of a data frame
	llcHeader  = 8  // what stands between that and an IP packet
	ccmpBytes  = 16 // header and check of an encrypted frame
)

// ackTime is how long the sender of a frame keeps the air for its acknowledgement, in µs:
// a pause of 10 and 14 bytes at 1 Mbit/s.
const ackTime = 314

// everybody is the broadcast address.
var everybody = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// management makes the header of a management frame.
func (a *Air) management(subtype byte, to, from, bssid MAC) elements {
	f := elements{subtype << 4, 0, 0, 0}
	if to[0]&1 == 0 {
		binary.LittleEndian.PutUint16(f[2:], ackTime)
	}
	for _, m := range []MAC{to, from, bssid} {
		f = append(f, m[:]...)
	}
	return f.number(a.sequence(from) << 4)
}

// elements is a frame under construction.
type elements []byte

func (e elements) number(n ...uint16) elements {
	for _, n := range n {
		e = binary.LittleEndian.AppendUint16(e, n)
	}
	return e
}

func (e elements) add(id byte, data ...byte) elements {
	return append(append(e, id, byte(len(data))), data...)
}

// Elements (IEEE 802.11-2012, table 8-54).
const (
	ieSSID          = 0
	ieRates         = 1
	ieChannel       = 3
	ieTIM           = 5
	ieERP           = 42
	ieHTCapability  = 45
	ieRSN           = 48
	ieExtendedRates = 50
	ieHTOperation   = 61
	ieVendor        = 221
)

var (
	rates         = []byte{0x82, 0x84, 0x8b, 0x96, 0x0c, 0x12, 0x18, 0x24} // 1 to 18 Mbit/s, the first four basic
	extendedRates = []byte{0x30, 0x48, 0x60, 0x6c}                         // 24 to 54 Mbit/s

	// rsn is CCMP for all and a pre-shared key; rsnMixed has TKIP for groups.
	rsn      = []byte{1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 2, 0, 0}
	rsnMixed = []byte{1, 0, 0, 0x0f, 0xac, 2, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 2, 0, 0}
	// wpa is TKIP and a pre-shared key.
	wpa = []byte{0, 0x50, 0xf2, 1, 1, 0, 0, 0x50, 0xf2, 2, 1, 0, 0, 0x50, 0xf2, 2, 1, 0, 0, 0x50, 0xf2, 2}
	// wmm are the default priorities of Wi-Fi Multimedia.
	wmm = []byte{0, 0x50, 0xf2, 2, 1, 1, 0, 0, 3, 0xa4, 0, 0, 0x27, 0xa4, 0, 0, 0x42, 0x43, 0x5e, 0, 0x62, 0x32, 0x2f, 0}
	// wps: version 1, not configured otherwise, the button pressed.
	wps = []byte{0, 0x50, 0xf2, 4, 0x10, 0x4a, 0, 1, 0x10, 0x10, 0x44, 0, 1, 2, 0x10, 0x41, 0, 1, 1, 0x10, 0x12, 0, 2, 0, 4}

	// htCapability is one antenna, 20 MHz, rates 0 to 7.
	htCapability = []byte{0x2c, 1, 3, 0xff, 25: 0}
)

// Bits of the capability field.
const (
	capESS           = 0x0001
	capPrivacy       = 0x0010
	capShortPreamble = 0x0020
	capShortSlot     = 0x0400
)

func (n Network) capability() uint16 {
	c := uint16(capESS | capShortPreamble | capShortSlot)
	if n.Auth != AuthOpen {
		c |= capPrivacy
	}
	return c
}

// ht reports whether the network has 802.11n, which old encryption rules out.
func (n Network) ht() bool { return n.Auth != AuthWEP && n.Auth != AuthWPA }

// described are the elements that a beacon and a probe response of the network have, with
// the name that it shows; tim is an element of the beacon only.
func (e elements) described(n Network, ssid string, tim bool) elements {
	channel := byte(n.Channel)
	e = e.add(ieSSID, []byte(ssid)...).add(ieRates, rates...).add(ieChannel, channel)
	if tim {
		e = e.add(ieTIM, 0, 1, 0, 0)
	}
	e = e.add(ieERP, 0).add(ieExtendedRates, extendedRates...)
	switch n.Auth {
	case AuthWPA2:
		e = e.add(ieRSN, rsn...)
	case AuthWPAWPA2:
		e = e.add(ieRSN, rsnMixed...)
	}
	if n.ht() {
		e = e.add(ieHTCapability, htCapability...)
		e = e.add(ieHTOperation, append([]byte{channel}, make([]byte, 21)...)...)
	}
	if n.Auth == AuthWPA || n.Auth == AuthWPAWPA2 {
		e = e.add(ieVendor, wpa...)
	}
	e = e.add(ieVendor, wmm...)
	if n.WPS {
		e = e.add(ieVendor, wps...)
	}
	return e
}
