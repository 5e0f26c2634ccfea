package cron

import (
	"math"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// spec is when an entry runs: a bit for each value of the five parts, the lowest value
// first.
type spec struct {
	minute, hour, day, month, weekday uint64
	everyDay                          int // of the parts for days, how many are *
}

// parse reads a specification: minute, hour, day of month, month and day of week, with
// blanks or tabs between. A part is a list of numbers with commas, or *, or */n, which is
// each n-th value from the lowest. Ranges and names are unknown; text counts as 0. The
// errors count bytes from 0.
func parse(c *vm.Call, text string) (s spec) {
	p := &parser{c: c, s: vm.CString(text)}
	s.minute = p.part(0, 59)
	p.separator()
	s.hour = p.part(0, 23)
	p.separator()
	s.day = p.part(1, 31)
	if p.star {
		s.everyDay++
	}
	p.separator()
	s.month = p.part(1, 12)
	p.separator()
	s.weekday = p.part(0, 6)
	if p.star {
		s.everyDay++
	}
	for p.blank() {
		p.at++
	}
	if p.at < len(p.s) {
		c.Error("invalid spec (trailing @%d)", p.at)
	}
	return s
}

// moment is a minute: months and days of the month from 1, days of the week from 0, a
// Sunday.
type moment struct{ month, day, weekday, hour, minute int }

func momentOf(t time.Time) moment {
	return moment{int(t.Month()), t.Day(), int(t.Weekday()), t.Hour(), t.Minute()}
}

// matches reports whether an entry runs then.
func (s *spec) matches(m moment) bool {
	bit := func(set uint64, n int) bool { return set>>n&1 != 0 }
	return bit(s.month, m.month-1) && bit(s.day, m.day-1) && bit(s.weekday, m.weekday) &&
		bit(s.hour, m.hour) && bit(s.minute, m.minute)
}

type parser struct {
	c    *vm.Call
	s    string
	at   int
	star bool // the last part was one
}

func (p *parser) is(b byte) bool { return p.at < len(p.s) && p.s[p.at] == b }
func (p *parser) blank() bool    { return p.is(' ') || p.is('\t') }

// separator takes one.
func (p *parser) separator() {
	if !p.blank() {
		p.c.Error("invalid spec (separator @%d)", p.at)
	}
	p.at++
}

// part takes a part.
func (p *parser) part(least, most int32) (set uint64) {
	for p.blank() {
		p.at++
	}
	if p.star = p.is('*'); p.star {
		p.at++
		each := int32(1)
		if p.is('/') {
			p.star = false
			p.at++
			each = p.number()
			if uint32(each) == 0 || uint32(each) >= uint32(most-least) {
				p.c.Error("invalid spec (each %d)", each)
			}
		}
		for i := int32(0); i <= most-least; i += each {
			set |= 1 << i
		}
		return set
	}
	for {
		n := p.number()
		if n < least || n > most {
			p.c.Error("invalid spec (val %d out of range %d..%d)", n, least, most)
		}
		set |= 1 << (n - least)
		if !p.is(',') {
			return set
		}
		p.at++
	}
}

// number takes a decimal number as C's strtol: white space and a sign may stand before
// it, and where there is none it is 0 and nothing is taken.
func (p *parser) number() int32 {
	i := p.at
	for i < len(p.s) && (p.s[i] == ' ' || '\t' <= p.s[i] && p.s[i] <= '\r') {
		i++
	}
	negative := i < len(p.s) && p.s[i] == '-'
	if negative || i < len(p.s) && p.s[i] == '+' {
		i++
	}
	start, n := i, int64(0)
	for ; i < len(p.s) && '0' <= p.s[i] && p.s[i] <= '9'; i++ {
		n = min(n*10+int64(p.s[i]-'0'), math.MaxInt32+1)
	}
	if i == start {
		return 0
	}
	p.at = i
	if negative {
		return int32(-n)
	}
	return int32(min(n, math.MaxInt32))
}
