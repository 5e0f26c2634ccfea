package vm

import (
	"math"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// Surprise is what a program meets in the device's arithmetic that a PC's does not
// have. Package luanum explains them.
type Surprise uint8

// The surprises that OnSurprise is told.
const (
	PowerCompared    Surprise = iota // a power that misses an integer is compared with it
	ModuloSaturates                  // a % b with a quotient beyond 32 bits
	FloorSaturates                   // math.floor beyond 32 bits
	IntegerSaturates                 // %d and the like of string.format, beyond 32 bits
	FixedTooLarge                    // %f beyond 64 bits: nothing
)

// surprised is a place in a program: a line, or the instruction at -line, and what it
// met.
type surprised struct {
	proto *proto
	line  int
	what  Surprise
}

// maxSurprises bounds the places that are remembered, and told.
const maxSurprises = 200

// Surprise tells OnSurprise about something that the running instruction meets.
func (v *VM) Surprise(what Surprise) {
	L := v.running
	if v.OnSurprise == nil || L == nil {
		return
	}
	for i := L.nci; i > 0; i-- {
		if ci := &L.ci[i]; L.protoOf(ci) != nil {
			at := surprised{L.protoOf(ci), -ci.pc, what}
			if !v.surprises[at] {
				v.surprisedAt(at, v.Where())
			}
			return
		}
	}
}

func (v *VM) surprisedAt(at surprised, where string) {
	if v.OnSurprise == nil || v.surprises[at] || len(v.surprises) >= maxSurprises {
		return
	}
	if v.surprises == nil {
		v.surprises = map[surprised]bool{}
	}
	v.surprises[at] = true
	v.OnSurprise(at.what, where)
}

// modulo is a % b.
func (v *VM) modulo(a, b float64) float64 {
	if luanum.Saturates(a / b) {
		v.Surprise(ModuloSaturates)
	}
	return luanum.Mod(a, b)
}

// How long after a power that misses an integer comparisons are looked at, in
// instructions, and after how many powers that ends.
const (
	powerWatch  = 12
	powersToSee = 10000
)

// Power is x^y. Where the chip never comes back from that, the watchdog ends it.
func (v *VM) Power(x, y float64) float64 {
	f, returns := luanum.Pow(x, y)
	if !returns {
		v.hang()
	}
	if v.OnSurprise != nil && v.watched < powersToSee && f != math.Trunc(f) && luanum.Misses(x, y, f) {
		v.watched++
		v.watching = powerWatch
		v.lookAt = 0
	}
	return f
}

// watchPower looks at each of a few instructions after a power that misses an
// integer: does it compare that with the integer?
func (v *VM) watchPower(L *Thread) {
	ci := &L.ci[L.nci]
	p := L.function(ci).proto
	switch i := p.instruction(ci); opOf(i) {
	case luac.Eq, luac.Lt, luac.Le:
		r := frame(L, ci.base)
		b, c := rk(r, p.k, i>>23), rk(r, p.k, i>>14&0x1ff)
		if b.isNumber() && c.isNumber() {
			x, y := b.num(), c.num()
			if luanum.Near(x, y) && (x == math.Trunc(x)) != (y == math.Trunc(y)) {
				v.Surprise(PowerCompared)
			}
		}
	}
	if v.watching--; v.watching == 0 {
		v.setLook()
	}
}

// How long code of the firmware that never comes back keeps the CPU, in nanoseconds,
// where no watchdog ends it, and how often that may look meanwhile.
const (
	hangNanos = 10e9
	hangLooks = 100
)

// hang is code of the firmware that never comes back.
func (v *VM) hang() {
	for range hangLooks {
		v.cpu += hangNanos / hangLooks
		v.slice()
	}
}
