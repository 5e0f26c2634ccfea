package device

import (
	"cmp"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// PostMortemData says who held the memory when it ran out. Sizes are bytes.
type PostMortemData struct {
	Why     string `json:"why"`
	Where   string `json:"where,omitempty"` // file:line that was running
	Request int    `json:"request"`         // what found no room, as in "E:M n"
	Free    int    `json:"free"`
	Largest int    `json:"largest"` // longest free piece
	Size    int    `json:"size"`
	// Holders are the places in the program that made most of what is alive,
	// the largest first. Without Config.TrackAllocations no sites are known: they
	// are then by kind only.
	Holders []snapshot.Group `json:"holders"`
	Sockets []SocketHeld     `json:"sockets,omitempty"` // most queued first
	Refs    []RefHeld        `json:"refs,omitempty"`
	// Snapshot is the heap at that moment.
	Snapshot *snapshot.Snapshot `json:"-"`
}

// SocketHeld is a socket that was open when memory ran out.
type SocketHeld struct {
	ID     int    `json:"id"`
	Proto  string `json:"proto"`
	State  string `json:"state"`
	Remote string `json:"remote,omitempty"`
	Queued int    `json:"queued"` // bytes not acknowledged
	Site   string `json:"site,omitempty"`
}

// RefHeld counts registry references that were made at one place for one purpose.
type RefHeld struct {
	What  string `json:"what"`
	Site  string `json:"site,omitempty"`
	Count int    `json:"count"`
}

// How much a post-mortem lists.
const (
	maxHolders = 8
	maxRefs    = 12
)

// nativeQuiet is the device time during which further native requests without
// room are not reported again: a full heap drops every packet.
const nativeQuiet = clock.Second

// postMortem reports who holds the memory, once per boot and place. pending bytes
// are given out and held by nothing yet.
func (d *Device) postMortem(why string, pending int) {
	t := &d.tools
	t.reported = t.reported || why != BudgetBroken
	if d.VM == nil {
		return
	}
	key := why + "\x00" + d.VM.Where()
	if t.told[key] {
		return
	}
	t.told[key] = true
	s := d.heapSnapshot("out of memory: "+why, pending)
	s.Heap.Request = t.request
	d.Emit(PostMortem, d.postMortemData(why, s))
}

func (d *Device) postMortemData(why string, s *snapshot.Snapshot) PostMortemData {
	pm := PostMortemData{
		Why: why, Where: d.VM.Where(), Request: s.Heap.Request,
		Free: s.Heap.Free, Largest: s.Heap.Largest, Size: s.Heap.Size,
		Snapshot: s,
	}
	if s.Tracked {
		pm.Holders = s.BySite()
	} else {
		pm.Holders = s.ByKind()
	}
	pm.Holders = pm.Holders[:min(len(pm.Holders), maxHolders)]
	for _, k := range d.Snapshot().Sockets {
		pm.Sockets = append(pm.Sockets, SocketHeld{k.ID, k.Proto, k.State, k.Remote, k.Queued, k.Site})
	}
	slices.SortStableFunc(pm.Sockets, func(a, b SocketHeld) int { return cmp.Compare(b.Queued, a.Queued) })
	pm.Refs = refsHeld(d.VM.Refs())
	return pm
}

// refsHeld counts references by purpose and place. The numbers of sockets are left
// out where there are several.
func refsHeld(refs []vm.RefInfo) []RefHeld {
	var out []RefHeld
	index := map[RefHeld]int{}
	for _, r := range refs {
		key := RefHeld{What: purpose(r.What), Site: r.Site}
		n, ok := index[key]
		if !ok {
			n = len(out)
			index[key] = n
			out = append(out, RefHeld{What: r.What, Site: r.Site})
		} else {
			out[n].What = key.What
		}
		out[n].Count++
	}
	slices.SortStableFunc(out, func(a, b RefHeld) int { return cmp.Compare(b.Count, a.Count) })
	return out[:min(len(out), maxRefs)]
}

// purpose is what a reference is for without the number of its socket: "sent
// callback of socket 3" is for what that of socket 4 is for.
func purpose(what string) string {
	return strings.TrimSpace(strings.TrimRight(what, "0123456789"))
}

// nativeOutOfMemory is told that native code found no room. The firmware goes on
// without: a packet is dropped, a connection refused.
func (d *Device) nativeOutOfMemory(n int, k heap.Kind) {
	t := &d.tools
	if t.diedAt > 0 && d.Now().Sub(t.diedAt) < nativeQuiet {
		return
	}
	t.diedAt = max(d.Now(), 1)
	d.postMortem("no room for "+k.Noun(), 0)
}

// checkBudget is called when the heap seems to have less free than the budget. The
// heap counts garbage that the device would not have; so the truth is found, and
// the next look waits until that much more was given out.
func (d *Device) checkBudget(n int) {
	h := d.VM.Heap()
	free := d.trueFree(n)
	if free >= d.cfg.HeapBudget {
		h.Watch = max(h.Free()-(free-d.cfg.HeapBudget), 1)
		return
	}
	h.Watch = 0
	d.VM.OnCollected = nil
	if !d.tools.low {
		d.tools.low = true
		d.tools.request = n
		d.postMortem(BudgetBroken, d.trueFree(0)-free)
		if d.world.Clock.Ending(0) { // a subscriber has ended the run
			d.VM.Kill("the run ends")
		}
	}
}

// BudgetBroken is why there is a post-mortem when free memory went below
// Config.HeapBudget.
const BudgetBroken = "less free than the budget"
