package ui

import (
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// socketEvents are what happened to the sockets of this boot, the last few of
// each.
type socketEvents struct {
	byID map[int][]socketEvent
	ids  []int // in order of their first event
}

type socketEvent struct {
	at   clock.Time
	text string
}

const (
	eventsPerSocket = 30
	socketsKept     = 200
)

func (s *socketEvents) add(at clock.Time, d event.Socket) {
	if s.byID == nil {
		s.byID = map[int][]socketEvent{}
	}
	list, known := s.byID[d.ID]
	if !known {
		if len(s.ids) == socketsKept {
			delete(s.byID, s.ids[0])
			s.ids = s.ids[1:]
		}
		s.ids = append(s.ids, d.ID)
	}
	if len(list) == eventsPerSocket {
		list = list[1:]
	}
	s.byID[d.ID] = append(list, socketEvent{at, socketText(d)})
}

func (s *socketEvents) reset() { *s = socketEvents{} }

// socketBox shows all that is known of the socket that is now k, while it exists.
func (p *page) socketBox(k sockets.Snapshot) *overlay {
	title := "Socket " + strconv.Itoa(k.ID)
	if k.ID == 0 {
		title = "A connection that Lua no longer has"
	}
	return &overlay{title: title, lines: func() []overlayLine { return p.socketLines(k) }}
}

// socketLines says everything of the socket that was the selected one as was.
func (p *page) socketLines(was sockets.Snapshot) []overlayLine {
	lines := []overlayLine{{name: "closed", text: "the socket no longer exists"}}
	for _, s := range p.model.snap.Sockets {
		if !sameSocket(s, was) {
			continue
		}
		held, sent := "no", "0"
		if s.Held {
			held = "yes: nothing is received until unhold"
		}
		if s.Retransmits > 0 {
			sent = thousands(s.Retransmits) + " segments"
		}
		lines = []overlayLine{
			{name: "protocol", text: s.Proto},
			{name: "state", text: s.State},
			{name: "local", text: s.Local},
			{name: "remote", text: orElse(s.Remote, "none")},
			{name: "made at", text: orElse(s.Site, "unknown")},
			{name: "handlers", text: orElse(strings.Join(s.Handlers, " "), "none")},
			{name: "queued", text: thousands(s.Queued) + " of " + thousands(sndBuf) + " bytes"},
			{name: "unacknowledged", text: thousands(s.Unacked) + " bytes"},
			{name: "segments", text: thousands(s.Segments) + " of " + thousands(sndQueueLen)},
			{name: "sent again", text: sent},
			{name: "window", text: thousands(s.Window) + " bytes"},
			{name: "held", text: held},
			{name: "received", text: thousands(s.RxBytes) + " bytes"},
			{name: "sent", text: thousands(s.TxBytes) + " bytes"},
			{name: "age", text: span(s.Age)},
		}
		if f, ok := flowOf(&p.model.snap, s); ok && p.cuts[f] {
			lines = append(lines, overlayLine{name: "link", text: "cut: no packet passes"})
		}
	}
	if events := p.model.sockets.byID[was.ID]; was.ID != 0 && len(events) > 0 {
		lines = append(lines, overlayLine{}, overlayLine{heading: true, name: "Events"})
		for _, e := range events {
			lines = append(lines, overlayLine{name: stamp(e.at), text: e.text})
		}
	}
	return lines
}

// sameSocket reports whether two rows of different moments are one socket.
func sameSocket(a, b sockets.Snapshot) bool {
	return a.ID == b.ID && (a.ID != 0 || a.Local == b.Local && a.Remote == b.Remote)
}
