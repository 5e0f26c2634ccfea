package peer

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// NTP is what an NTP server answers (RFC 4330).
type NTP struct {
	// Now is the server's own time, which need not be the world's.
	Now       func() time.Time
	Leap      uint8 // leap indicator
	Stratum   uint8
	Reference string // four characters: where the time comes from, or why there is none
	// RootDelay and RootDispersion are of the server's own source, in 2^-16 s.
	RootDelay, RootDispersion uint32
}

const (
	ntpPort   = 123
	ntpLength = 48
	ntpServer = 4 // mode
	// ntpEpoch is from 1900 to 1970, in seconds.
	ntpEpoch = 2208988800
)

// ServeNTP makes the host an NTP server that answers every request as s says at that
// moment. Closing the socket ends it.
func (h *Host) ServeNTP(s *NTP) (*UDP, error) {
	u, err := h.ListenUDP(ntpPort)
	if err != nil {
		return nil, err
	}
	u.OnData = func(request []byte, from netip.AddrPort) {
		if len(request) >= ntpLength {
			u.SendTo(s.answer(request), from)
		}
	}
	return u, nil
}

func (s *NTP) answer(request []byte) []byte {
	const versionBits = 7 << 3
	a := make([]byte, ntpLength)
	a[0] = s.Leap<<6 | request[0]&versionBits | ntpServer
	a[1] = s.Stratum
	binary.BigEndian.PutUint32(a[4:], s.RootDelay)
	binary.BigEndian.PutUint32(a[8:], s.RootDispersion)
	copy(a[12:16], s.Reference)
	now := s.Now()
	stamp := uint64(now.Unix()+ntpEpoch)<<32 | uint64(now.Nanosecond())<<32/uint64(time.Second)
	binary.BigEndian.PutUint64(a[16:], stamp)
	copy(a[24:32], request[40:48])
	binary.BigEndian.PutUint64(a[32:], stamp)
	binary.BigEndian.PutUint64(a[40:], stamp)
	return a
}
