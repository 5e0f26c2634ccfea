package world

import "time"

// DefaultDate is the date at which a world begins that has been given none, so that
// every run is the same. The host's would be another one each time.
var DefaultDate = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// SetDate says what date it is when the world begins.
func (w *World) SetDate(t time.Time) { w.began = t.UTC() }

// Date is what date it is in the world now, UTC. Devices don't know it: they ask a server.
func (w *World) Date() time.Time {
	return w.began.Add(time.Duration(w.Clock.Now()) * time.Microsecond)
}

// ntpEpoch is where NTP's seconds begin.
var ntpEpoch = time.Date(1900, time.January, 1, 0, 0, 0, 0, time.UTC)

// NTPTime is a date as NTP writes it (RFC 4330): seconds in the upper 32 bits, then their
// fraction.
func NTPTime(t time.Time) uint64 {
	seconds := t.Unix() - ntpEpoch.Unix()
	return uint64(uint32(seconds))<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}
