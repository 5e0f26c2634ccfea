package ui

import (
	"sync/atomic"

	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// requests are what the console asks the world: to take an input, or to be looked
// at. The world does so on its own goroutine, when it gets to it; until then a
// request counts as posted, and no more than maxPosted may be.
type requests struct {
	world  *world.World
	posted atomic.Int32
	inbox  *inbox
	say    func(string)
}

// maxPosted is how much the world may be asked at a time.
const maxPosted = 64

func (r *requests) clock() *clock.Clock { return r.world.Clock }

// send hands an input to the world. done, unless nil, is told the reply on the world's
// goroutine. send reports false, and says so, when the world has not yet done what it
// was asked before.
func (r *requests) send(to string, what world.Stimulus, done func(reply string, err error)) bool {
	if !r.admit() {
		return false
	}
	r.world.Send(to, what, func(reply string, err error) {
		r.posted.Add(-1)
		if done != nil {
			done(reply, err)
		}
	})
	return true
}

// look has fn look at the world, on its goroutine, and then runs then on the
// console's.
func (r *requests) look(fn, then func()) {
	if !r.admit() {
		return
	}
	r.clock().Look(func() {
		r.posted.Add(-1)
		fn()
		r.inbox.put(then)
	})
}

func (r *requests) full() bool { return r.posted.Load() >= maxPosted }

// admit counts one more request, unless those are too many.
func (r *requests) admit() bool {
	if r.full() {
		r.say("the device is busy: try again when it answers")
		return false
	}
	r.posted.Add(1)
	return true
}
