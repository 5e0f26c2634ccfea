package ui

import "sync"

// inbox takes functions from other goroutines; the console's runs them.
type inbox struct {
	wake chan struct{} // the console's
	mu   sync.Mutex
	fns  []func()
}

func notify(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// put has fn run on the console's goroutine. What does not fit is dropped: whoever
// posts so much gets no answer to it.
func (i *inbox) put(fn func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.fns) < maxPosted {
		i.fns = append(i.fns, fn)
	}
	notify(i.wake)
}

// run runs what was put in, and reports whether there was any.
func (i *inbox) run() bool {
	i.mu.Lock()
	fns := i.fns
	i.fns = nil
	i.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
	return len(fns) > 0
}
