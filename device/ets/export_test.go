package ets

// Ticks is how many ticks of the counter are left until the expiry, Period how many lie
// between two.
func (t *Timer) Ticks() int64 { return int64(t.expiry - t.s.count(t.s.Now())) }

// Period is described at Ticks.
func (t *Timer) Period() int64 { return int64(t.period) }
