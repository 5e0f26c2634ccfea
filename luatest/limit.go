package luatest

import (
	"sync"
	"sync/atomic"
	"time"
)

// limit is how much of this computer's time something may take. Where it is over, the
// clock of the world is told to stop: that also ends a Lua loop which never comes back, as
// the end of a run does (device/ets: CheckWatchdog).
type limit struct {
	over atomic.Bool

	mu    sync.Mutex
	n     int // which one it is
	timer *time.Timer
}

// begin starts the time anew. stop is called from another goroutine.
func (l *limit) begin(d time.Duration, stop func()) {
	l.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.n
	l.timer = time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.n == n {
			l.over.Store(true)
			stop()
		}
	})
}

// end says that it was not too long, unless it was.
func (l *limit) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	if l.timer != nil {
		l.timer.Stop()
	}
}
