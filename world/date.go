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
