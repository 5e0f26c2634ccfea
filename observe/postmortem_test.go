package observe

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

func TestPostMortem(t *testing.T) {
	got := Describe(world.Event{Data: event.PostMortem{
		Why: "not enough memory", Where: "a.lua:3", Request: 800, Free: 700, Largest: 600, Size: 50000,
		Holders: []snapshot.Group{
			{Name: "a.lua:3", Kind: snapshot.String, Bytes: 9000, Count: 2},
			{Name: snapshot.NoSite, Kind: "pcb", Bytes: 200, Count: 1},
			{Name: "(firmware)", Kind: snapshot.Table, Bytes: 100, Count: 3},
		},
		Sockets: []event.SocketHeld{{ID: 4, Proto: "tcp", State: "ESTABLISHED", Remote: "1.2.3.4:5", Queued: 512, Site: "a.lua:9"}},
		Refs:    []event.RefHeld{{What: "sent callback of socket", Site: "a.lua:7", Count: 4}},
	}})
	want := `not enough memory at a.lua:3
  800 bytes asked for; 700 of 50000 free, the longest piece 600
  who holds it:
     9000  2 strings made at a.lua:3
      200  1 pcb
      100  3 tables of firmware
  sockets, with the bytes they have queued:
      512  tcp ESTABLISHED, socket 4 with 1.2.3.4:5, made at a.lua:9
  callbacks and other references:
        4  sent callback of socket, set at a.lua:7`
	if got != want {
		t.Errorf("got\n%s", got)
	}
	untracked := Describe(world.Event{Data: event.PostMortem{Why: "no room for a pbuf", Holders: []snapshot.Group{{Name: "userdata", Bytes: 88, Count: 2}}}})
	if want := "no room for a pbuf\n  0 bytes asked for; 0 of 0 free, the longest piece 0\n  who holds it:\n       88  2 userdata"; untracked != want {
		t.Errorf("got\n%s", untracked)
	}
}
