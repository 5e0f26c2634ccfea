package ui

import (
	"fmt"
	"math"
	"strconv"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// thousands prints n with separators: 41,216.
func thousands[T int | int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// uptime prints a span as people read one: 0:12:41, 3d 04:12:41.
func uptime(d clock.Duration) string {
	h, m, s := d/clock.Hour, d/clock.Minute%60, d/clock.Second%60
	if h >= 24 {
		return fmt.Sprintf("%dd %02d:%02d:%02d", h/24, h%24, m, s)
	}
	return fmt.Sprintf("%d:%02d:%02d", h, m, s)
}

// stamp prints a time of the log, to the millisecond.
func stamp(t clock.Time) string {
	d := t.Sub(0)
	return fmt.Sprintf("%02d:%02d:%02d.%03d",
		d/clock.Hour, d/clock.Minute%60, d/clock.Second%60, d/clock.Millisecond%1000)
}

// span prints a duration in at most 7 characters, in the unit that fits it.
func span(d clock.Duration) string {
	switch {
	case d < clock.Millisecond:
		return fmt.Sprintf("%d us", d)
	case d < clock.Second:
		return fmt.Sprintf("%d ms", d/clock.Millisecond)
	case d < 10*clock.Second:
		return fmt.Sprintf("%d.%d s", d/clock.Second, d%clock.Second/(100*clock.Millisecond))
	case d < 10*clock.Minute:
		return fmt.Sprintf("%d s", d/clock.Second)
	case d < 10*clock.Hour:
		return fmt.Sprintf("%d min", d/clock.Minute)
	case d < 1000*clock.Hour:
		return fmt.Sprintf("%d h", d/clock.Hour)
	}
	return fmt.Sprintf("%d d", d/(24*clock.Hour))
}

// period prints the interval of a timer, to the millisecond unless it is long.
func period(d clock.Duration) string {
	switch ms := d / clock.Millisecond; {
	case ms%1000 == 0:
		return thousands(int64(ms/1000)) + " s"
	case ms < 100_000:
		return thousands(int64(ms)) + " ms"
	}
	return span(d)
}

// speedName prints a speed factor: 1×, 0.25×, max.
func speedName(speed float64, times string) string {
	if math.IsInf(speed, 1) {
		return "max"
	}
	return strconv.FormatFloat(speed, 'g', 4, 64) + times
}

// kilo prints a number of bytes in at most 5 characters: 940, 4.1k, 17k.
func kilo(n int) string {
	switch {
	case n < 1000:
		return strconv.Itoa(n)
	case n < 9950:
		return fmt.Sprintf("%d.%dk", (n+50)/1000, (n+50)%1000/100)
	}
	return fmt.Sprintf("%dk", (n+500)/1000)
}
