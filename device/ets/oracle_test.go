package ets_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// chip is the host of a scheduler and a CPU that only counts.
type chip struct {
	clock   *clock.Clock
	s       *ets.Scheduler
	cpu     int64
	bitten  clock.Time
	printed func(string)
}

func newChip() *chip {
	c := &chip{clock: clock.New()}
	c.s = ets.New(c.clock, c, ets.Config{})
	c.s.Start()
	c.s.SetCPU(c)
	return c
}

func (c *chip) Work(fn func())             { fn() }
func (c *chip) Worked()                    {}
func (c *chip) Resetting() bool            { return c.bitten > 0 }
func (c *chip) Bitten(clock.Duration)      { c.bitten = c.s.Now() }
func (c *chip) Print(text string)          { c.printed(text) }
func (c *chip) CPU() int64                 { return c.cpu }
func (c *chip) Charge(nanos int64)         { c.cpu += nanos }
func (c *chip) RecordDelay(int64)          {}
func (c *chip) Kill(string)                {}
func (c *chip) busyUntil(until clock.Time) { c.Charge(int64(until.Sub(c.s.Now())) * 1000) }

// timerCase is a table of what timers are armed for, or a list of calls.
type timerCase struct {
	Name   string
	Ops    [][]any
	Result []any
}

// The measured cases of the SDK's software timers.
func TestOracleTimers(t *testing.T) {
	oracle.Set{
		Name: "sdk-timers",
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			for _, c := range oracle.Decode[struct{ Cases []timerCase }](t, data).Cases {
				check := c.check
				switch c.Name {
				case "arm_table":
					check = func() string { return c.table(false, clock.Millisecond) }
				case "arm_table_us_mode":
					check = func() string { return c.table(true, clock.Microsecond) }
				case "arm_table_us_mode_ms":
					check = func() string { return c.table(true, clock.Millisecond) }
				}
				entries = append(entries, oracle.Entry{Name: c.Name, Check: check})
			}
			return entries
		},
	}.Compare(t)
}

// table arms a timer for each time and compares after how many ticks it expires.
func (c *timerCase) table(fine bool, unit clock.Duration) (difference string) {
	x := newChip()
	if fine {
		x.s.ReinitTimers()
	}
	for _, row := range c.Result {
		row := row.([]any)
		printed := ""
		x.printed = func(text string) { printed += text }
		timer := x.s.NewTimer(func() {})
		timer.Arm(clock.Duration(row[0].(float64))*unit, false)
		got := []any{row[0], nil, printed}
		if timer.Armed() {
			got[1] = float64(timer.Ticks())
		}
		if !reflect.DeepEqual(got, row) {
			return fmt.Sprintf("%v, want %v", got, row)
		}
	}
	return ""
}

// endless ends the result of a case in which the handler never returns.
const endless = "and so on: the handler does not return"

func (c *timerCase) check() (difference string) {
	x := newChip()
	origin := int64(1000)
	if c.Ops[0][0] == "counter_origin" {
		origin = int64(c.Ops[0][1].(float64))
	}
	at := func(tick int64) clock.Time { return clock.Time(((origin+tick)*16 + 4) / 5) }
	tick := func(t clock.Time) int64 { return int64(t)*5/16 - origin }
	var got []any
	timers := map[int]*ets.Timer{}
	busy, again := map[int]int64{}, map[int]func(){}
	times := map[int]int{}
	x.printed = func(text string) { got = append(got, []any{"print", text}) }
	timer := func(i int) *ets.Timer {
		if timers[i] == nil {
			timers[i] = x.s.NewTimer(nil)
		}
		return timers[i]
	}
	setfn := func(i int) {
		timers[i] = x.s.NewTimer(func() {
			got = append(got, []any{"fire", float64(i), float64(tick(x.s.Now()))})
			if len(got) > 1000 {
				panic("the handler does not return")
			}
			x.busyUntil(at(tick(x.s.Now()) + busy[i]))
			if times[i] > 0 {
				times[i]--
				again[i]()
			}
		})
	}
	number := func(op []any, i int) int { return int(op[i].(float64)) }
	call := func(op []any) {
		switch i := number(op, 1); op[0] {
		case "setfn":
			if timers[i] == nil || !timers[i].Armed() {
				setfn(i)
			}
		case "arm":
			timer(i).Arm(clock.Duration(number(op, 2))*clock.Millisecond, number(op, 3) != 0)
		case "disarm":
			timer(i).Disarm()
		case "look":
			got = append(got, []any{"look", float64(i), -1.0, float64(timer(i).Ticks()), float64(timer(i).Period())})
		}
	}
	now := int64(0)
	x.clock.RunUntil(at(0))
	for _, op := range c.Ops {
		switch op[0] {
		case "counter_origin":
		case "setfn", "arm", "disarm", "look":
			call(op)
		case "run":
			now += int64(number(op, 1))
			x.clock.RunUntil(at(now))
		case "cpu_busy":
			now += int64(number(op, 1))
			x.s.PostTask(ets.Low, func() { x.busyUntil(at(now)) })
			x.clock.RunUntil(at(now) - 1)
		case "callback_busy":
			busy[number(op, 1)] = int64(number(op, 2))
		case "in_callback":
			i, what := number(op, 1), op[3].([]any)
			times[i] = number(op, 2)
			again[i] = func() {
				if len(what) > 0 {
					call(what)
				}
			}
		default:
			return fmt.Sprintf("unknown %v", op)
		}
	}
	want := c.Result
	if n := len(want) - 1; n >= 0 && want[n] == endless {
		want = want[:n]
		ran := false
		x.s.PostTask(ets.High, func() { ran = true })
		x.clock.RunUntil(x.clock.Now().Add(clock.Second))
		if ran || len(got) <= n {
			return "the handler returns"
		}
		got = got[:n]
	}
	if !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
		return fmt.Sprintf("\n\tgot  %v\n\twant %v", got, want)
	}
	return ""
}

// The measured cases of the software watchdog.
func TestOracleWatchdog(t *testing.T) {
	oracle.Set{
		Name: "sdk-watchdog",
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			type dogCase struct {
				Ops   [][]any
				Reset *float64 `json:"reset_at_ms"`
			}
			for i, c := range oracle.Decode[struct{ Cases []dogCase }](t, data).Cases {
				entries = append(entries, oracle.Entry{Name: fmt.Sprint(i, " ", c.Ops), Check: func() string {
					got, want := bite(c.Ops), -1.0
					if c.Reset != nil {
						want = *c.Reset
					}
					if got != want {
						return fmt.Sprintf("reset at %v ms, want %v", got, want)
					}
					return ""
				}})
			}
			return entries
		},
	}.Compare(t)
}

// bite returns when the watchdog bites, in milliseconds; -1 if it does not. What is done
// between two idle times is one piece of work.
func bite(ops [][]any) float64 {
	x := newChip()
	for len(ops) > 0 {
		if ops[0][0] == "idle" {
			x.clock.RunUntil(x.clock.Now().Add(clock.Duration(ops[0][1].(float64)) * clock.Millisecond))
			ops = ops[1:]
			continue
		}
		x.s.PostTask(ets.Low, func() {
			for ; len(ops) > 0 && ops[0][0] != "idle"; ops = ops[1:] {
				switch ops[0][0] {
				case "busy":
					if !x.s.DelayUnfed(clock.Duration(ops[0][1].(float64)) * clock.Millisecond) {
						return
					}
				case "feed":
					x.s.FeedWatchdog()
				case "stop":
					x.s.StopWatchdog()
				case "restart":
					x.s.RestartWatchdog()
				}
			}
		})
		x.clock.RunUntil(x.clock.Now())
		if x.Resetting() {
			return float64(x.bitten) / 1000
		}
		x.clock.RunUntil(x.s.Now())
	}
	return -1
}
