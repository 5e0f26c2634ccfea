package inspect

import (
	"cmp"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

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
func (x *Inspector) postMortem(why string, pending int) {
	x.reported = x.reported || why != BudgetBroken
	if x.host.Lua() == nil {
		return
	}
	key := why + "\x00" + x.host.Lua().Where()
	if x.told[key] {
		return
	}
	x.told[key] = true
	s := x.heapSnapshot("out of memory: "+why, pending)
	s.Heap.Request = x.request
	x.host.Emit(x.postMortemData(why, s))
}

// TellAgain has post-mortems be reported that were: something new begins.
func (x *Inspector) TellAgain() { clear(x.told) }

func (x *Inspector) postMortemData(why string, s *snapshot.Snapshot) event.PostMortem {
	pm := event.PostMortem{
		Why: why, Where: x.host.Lua().Where(), Request: s.Heap.Request,
		Free: s.Heap.Free, Largest: s.Heap.Largest, Size: s.Heap.Size,
		Snapshot: s,
	}
	if s.Tracked {
		pm.Holders = s.BySite()
	} else {
		pm.Holders = s.ByKind()
	}
	pm.Holders = pm.Holders[:min(len(pm.Holders), maxHolders)]
	pm.Sockets = x.host.Sockets()
	pm.Refs = refsHeld(x.host.Lua().Refs())
	return pm
}

// refsHeld counts references by purpose and place. The numbers of sockets are left
// out where there are several.
func refsHeld(refs []vm.RefInfo) []event.RefHeld {
	var out []event.RefHeld
	index := map[event.RefHeld]int{}
	for _, r := range refs {
		key := event.RefHeld{What: purpose(r.What), Site: r.Site}
		n, ok := index[key]
		if !ok {
			n = len(out)
			index[key] = n
			out = append(out, event.RefHeld{What: r.What, Site: r.Site})
		} else {
			out[n].What = key.What
		}
		out[n].Count++
	}
	slices.SortStableFunc(out, func(a, b event.RefHeld) int { return cmp.Compare(b.Count, a.Count) })
	return out[:min(len(out), maxRefs)]
}

// purpose is what a reference is for without the number of its socket: "sent
// callback of socket 3" is for what that of socket 4 is for.
func purpose(what string) string {
	return strings.TrimSpace(strings.TrimRight(what, "0123456789"))
}

// OutOfMemory is told that memory has run out and nothing in the program catches it.
func (x *Inspector) OutOfMemory() {
	if !x.reported { // an error that is raised anew tells of it twice
		x.postMortem(vm.OutOfMemory, 0)
	}
}

// nativeOutOfMemory is told that native code found no room. The firmware goes on
// without: a packet is dropped, a connection refused.
func (x *Inspector) nativeOutOfMemory(n int, k heap.Kind) {
	if x.diedAt > 0 && x.host.Now().Sub(x.diedAt) < nativeQuiet {
		return
	}
	x.diedAt = max(x.host.Now(), 1)
	x.postMortem("no room for "+k.Noun(), 0)
}

// checkBudget is called when the heap has less free than the budget, after a request
// that took n bytes of it.
func (x *Inspector) checkBudget(n int) {
	x.host.Lua().Heap().Watch = 0
	x.low = true
	x.request = n
	x.postMortem(BudgetBroken, n)
	if x.host.Ending() { // a subscriber has ended the run
		x.host.Lua().Kill("the run ends")
	}
}

// BudgetBroken is why there is a post-mortem when free memory went below
// Config.HeapBudget.
const BudgetBroken = "less free than the budget"
