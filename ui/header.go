package ui

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// header says what is always in sight of the device on show.
type header struct {
	cfg     *Config
	devices *devices
	network *networkActions
	board   *boardActions
}

// draw draws what is always in sight, in as many rows as the layout has: the
// board and its firmware; radio and published ports; how long it has run, why it
// last started, and the CPU. In two rows the first and the last are one, in one
// row only what changes is left.
func (h *header) draw(c canvas, now time.Time) {
	s := &h.devices.shown.model.snap
	run := h.runState(c.theme.glyphs, now)
	var board []detail
	if len(h.devices.all) > 1 {
		board = append(board, detail{accent, h.devices.shown.device.Name()})
	} else if h.cfg.Title != "" {
		board = append(board, detail{accent, h.cfg.Title})
	}
	board = append(board, detail{strong, orElse(s.Board, h.devices.shown.device.Board.Title)})
	var chip []detail
	if s.Release != "" {
		chip = append(chip, detail{dim, "firmware " + s.Release}, detail{dim, fmt.Sprintf("chip %06x", s.ChipID)})
	}
	up := []detail{{text, "up " + uptime(s.Uptime)}}
	switch {
	case c.h < 2:
		first := []detail{h.addressDetail(), up[0]}
		if s.Heap.Total > 0 {
			first = append(first, detail{heapRole(s.Heap.Free), "heap " + thousands(s.Heap.Free)})
		}
		for len(board) > 0 && headerWidth(board)+headerWidth(first)+headerWidth(run) > c.w {
			board = board[1:] // the title goes first, then the board's name
		}
		drawHeaderRow(c, 0, append(board, first...), run)
	case c.h == 2:
		first := append(append(append(board, chip...), up...), h.bootDetail())
		drawHeaderRow(c, 0, first, run)
		drawHeaderRow(c, 1, h.netDetails(), h.cpuDetails())
	default:
		drawHeaderRow(c, 0, append(board, chip...), run)
		drawHeaderRow(c, 1, h.netDetails(), nil)
		drawHeaderRow(c, 2, append(up, h.bootDetail()), h.cpuDetails())
	}
}

func (h *header) addressDetail() detail {
	w := &h.devices.shown.model.snap.WiFi
	switch {
	case w.IP != "":
		return detail{good, w.IP}
	case w.APIP != "":
		return detail{good, w.APIP}
	}
	return detail{dim, "no address"}
}

// netDetails say how the device can be reached.
func (h *header) netDetails() []detail {
	w := &h.devices.shown.model.snap.WiFi
	radio := spaced(w.Mode, w.State)
	if w.SSID != "" {
		radio = spaced(radio, `"`+w.SSID+`"`)
	}
	ds := []detail{{text, orElse(radio, "no Wi-Fi")}, h.addressDetail()}
	if h.devices.shown.model.snap.AirDown {
		ds = append([]detail{{warn, "access points off"}}, ds...)
	}
	if h.network.fault != 0 {
		name, _, _ := strings.Cut(linkFaults[h.network.fault].name, ":")
		ds = append(ds, detail{warn, "network " + name})
	}
	for _, p := range h.cfg.Published {
		ds = append(ds, detail{accent, p})
	}
	return ds
}

func (h *header) cpuDetails() []detail {
	var cpu []detail
	if len(h.board.changed) > 0 {
		cpu = append(cpu, detail{warn, "files changed"})
	}
	if mhz := h.devices.shown.model.snap.MHz; mhz > 0 {
		cpu = append(cpu, detail{text, thousands(mhz) + " MHz"})
	}
	if h.devices.shown.model.load.known {
		role := text
		if h.devices.shown.model.load.percent >= 90 {
			role = warn
		}
		cpu = append(cpu, detail{role, "CPU " + thousands(h.devices.shown.model.load.percent) + " %"})
	}
	return cpu
}

// bootDetail says why the device last started, and how often it was reset.
func (h *header) bootDetail() detail {
	why, role := orElse(h.devices.shown.model.snap.Reason, "off"), dim
	if strings.Contains(why, "watchdog") || strings.Contains(why, "exception") {
		role = warn
	}
	switch n := h.devices.shown.model.snap.Boots; n {
	case 0:
	case 1:
		why = "1 reset: " + strings.TrimSuffix(why, " reset")
	default:
		why = thousands(n) + " resets, last: " + strings.TrimSuffix(why, " reset")
	}
	return detail{role, why}
}

// runState is the pacer's state, or that the device has stopped.
func (h *header) runState(g glyphs, now time.Time) []detail {
	st := h.cfg.World.Clock.State()
	speed := speedName(st.Speed, g.times)
	switch {
	case h.devices.shown.model.snap.Halted:
		return []detail{{alarm, " HALTED "}}
	case st.Paused:
		return []detail{{warn, g.paused + " PAUSED " + speed}}
	case h.devices.shown.busy(now):
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
