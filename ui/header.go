package ui

import (
	"math"
	"strings"
	"time"
)

// drawHeader draws what is always in sight: which board, where to reach it, how
// long it has run and how much heap is left; below that the radio, the published
// ports, the CPU and why it last started.
func (c *Console) drawHeader(cv canvas) {
	s := &c.model.snap
	run := c.runState()
	left := []detail{{strong, orElse(s.Board, c.cfg.Device.Board.Title)}}
	if c.cfg.Title != "" {
		left = append([]detail{{accent, c.cfg.Title}}, left...)
	}
	address := detail{dim, "no address"}
	switch {
	case s.WiFi.IP != "":
		address = detail{good, s.WiFi.IP}
	case s.WiFi.APIP != "":
		address = detail{good, s.WiFi.APIP}
	}
	first := []detail{address, {text, "up " + uptime(s.Uptime)}}
	if s.Heap.Total > 0 {
		first = append(first, detail{heapRole(s.Heap.Free), "heap " + thousands(s.Heap.Free)})
	}
	// On a narrow screen the title goes first, then the board's name.
	for len(left) > 0 && headerWidth(left)+headerWidth(first)+headerWidth(run) > cv.w {
		left = left[:copy(left, left[1:])]
	}
	drawHeaderRow(cv, 0, append(left, first...), run)
	if cv.h < 2 {
		return
	}
	var second []detail
	w := s.WiFi
	radio := spaced(w.Mode, w.State)
	if w.SSID != "" {
		radio = spaced(radio, `"`+w.SSID+`"`)
	}
	second = append(second, detail{text, orElse(radio, "no Wi-Fi")})
	for _, p := range c.cfg.Published {
		second = append(second, detail{accent, p})
	}
	second = append(second, c.bootDetail())
	var cpu []detail
	if s.MHz > 0 {
		cpu = append(cpu, detail{text, thousands(s.MHz) + " MHz"})
	}
	if c.model.load.known {
		role := text
		if c.model.load.percent >= 90 {
			role = warn
		}
		cpu = append(cpu, detail{role, "CPU " + thousands(c.model.load.percent) + " %"})
	}
	drawHeaderRow(cv, 1, second, cpu)
}

// bootDetail says why the device last started, and how often it was reset while the
// console watched.
func (c *Console) bootDetail() detail {
	why, role := orElse(c.model.snap.Reason, "off"), dim
	if strings.Contains(why, "watchdog") || strings.Contains(why, "exception") {
		role = warn
	}
	switch n := c.model.resets; n {
	case 0:
	case 1:
		why = "1 reset: " + strings.TrimSuffix(why, " reset")
	default:
		why = thousands(n) + " resets, last: " + strings.TrimSuffix(why, " reset")
	}
	return detail{role, why}
}

// runState is the pacer's state, or that the device has stopped.
func (c *Console) runState() []detail {
	g := c.theme.glyphs
	st := c.clock().State()
	speed := speedName(st.Speed, g.times)
	switch {
	case c.model.snap.Halted:
		return []detail{{alarm, " HALTED "}}
	case st.Paused:
		return []detail{{warn, g.paused + " PAUSED " + speed}}
	case c.busy():
		return []detail{{warn, g.run + " busy " + speed}}
	case st.Speed == 1 || math.IsInf(st.Speed, 1):
		return []detail{{good, g.run + " " + speed}}
	}
	return []detail{{accent, g.run + " " + speed}}
}

const headerGap = 3

func headerWidth(ds []detail) int {
	w := 0
	for _, d := range ds {
		w += width(d.text) + headerGap
	}
	return w
}

// drawHeaderRow draws texts from the left, as many as fit, and texts that end at
// the right edge.
func drawHeaderRow(c canvas, y int, left, right []detail) {
	start := c.w - headerWidth(right) + headerGap - 1
	x := start
	for _, d := range right {
		x = c.text(x, y, d.role, d.text) + headerGap
	}
	x = 1
	for _, d := range left {
		if room := start - headerGap - x; width(d.text) > room {
			if room > 8 {
				c.fit(x, y, room, d.role, d.text)
			}
			return
		}
		x = c.text(x, y, d.role, d.text) + headerGap
	}
}

// busyAfter is how long the world may take to answer before the header says that
// it is busy: a Lua program that does not return.
const busyAfter = 500 * time.Millisecond
