package inspect

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// defaultLeakAfter is how long a callback may outlive what it was for before a
// hint names it.
const defaultLeakAfter = 60 * clock.Second

// leakInterval is how often ended objects are looked at.
const leakInterval = clock.Second

// examined is a callback of something that ended at a certain time: one look at
// the heap is enough.
type examined struct {
	ref   vm.Ref
	since clock.Time
}

// Ended is something with callbacks that has come to its end: a closed socket, a
// stopped timer.
type Ended struct {
	Name   string     // "socket 3"
	Since  clock.Time // when it ended
	Refs   []vm.Ref   // its callbacks
	Object any        // the Go value of its userdata
	// Kept says that a program may well keep it for another use: then it is a leak
	// only if nothing but its own callbacks holds it.
	Kept bool
}

// OnEnded makes fn report, when asked, what had ended by some time and still has
// callbacks. Firmware modules call it when they open.
func (x *Inspector) OnEnded(fn func(by clock.Time, report func(Ended))) {
	x.ended = append(x.ended, fn)
}

// lookForLeaks checks now and then, between pieces of work.
func (x *Inspector) lookForLeaks() {
	if len(x.ended) == 0 || x.cfg.LeakAfter < 0 || x.host.Now().Sub(x.checked) < leakInterval {
		return
	}
	x.CheckLeaks()
}

// CheckLeaks gives a hint for a callback whose socket or timer ended longer ago than
// Config.LeakAfter and that is still referenced. Of those that were set at the same
// place for the same purpose it names the first, and how many there are by now with
// the 10th, 100th and so on. It runs by itself about once a second while the device
// does something; call it at the end of a run for what happened last.
func (x *Inspector) CheckLeaks() {
	x.checked = x.host.Now()
	if x.host.Lua() == nil || x.cfg.LeakAfter < 0 {
		return
	}
	var late []Ended
	for _, fn := range x.ended {
		fn(x.checked.Add(-x.cfg.LeakAfter), func(e Ended) {
			if len(e.Refs) > 0 {
				late = append(late, e)
			}
		})
	}
	if len(late) == 0 {
		return
	}
	infos := map[vm.Ref]vm.RefInfo{}
	for _, r := range x.host.Lua().Refs() {
		infos[r.Ref] = r
	}
	var s *snapshot.Snapshot
	before := x.examined
	x.examined = map[examined]bool{}
	for _, e := range late {
		for _, ref := range e.Refs {
			info := infos[ref]
			if info.What == "" {
				continue
			}
			looked := examined{ref, e.Since}
			x.examined[looked] = true
			if before[looked] {
				continue
			}
			if s == nil {
				s = x.HeapSnapshot("leak")
			}
			holder, bytes, found := holderOf(s, x.host.Lua(), e, infos)
			if !found || e.Kept && holder != "" {
				continue
			}
			key := event.RefHeld{What: purpose(info.What), Site: info.Site}
			x.leaks[key]++
			n := x.leaks[key]
			if !powerOfTen(n) {
				continue
			}
			text := fmt.Sprintf("%s is still referenced %s after %s ended, and keeps %d bytes", info.What,
				since(x.host.Now().Sub(e.Since)), e.Name, bytes)
			if n > 1 {
				text = fmt.Sprintf("the %dth of its kind: %s", n, text)
			}
			if holder != "" {
				text += "; the program still holds it at " + holder
			} else {
				text += "; nothing but its own callbacks holds it, so it stays until the next reset"
			}
			x.host.Emit(event.Hint{Text: text, Where: info.Site})
		}
	}
}

// Leak is a callback that is still referenced though what it was for has ended.
type Leak struct {
	What, Site string // of the callback, and where it was set
	Of         string // "socket 3"
	Holder     string // where the program holds it; "": nothing but its own callbacks does
	Bytes      int    // that it keeps
}

// LeaksNow lists the leaks there are now, however short ago they began. What the program may
// well keep for another use is none while it holds it.
func (x *Inspector) LeaksNow() []Leak {
	v := x.host.Lua()
	if v == nil {
		return nil
	}
	infos := map[vm.Ref]vm.RefInfo{}
	for _, r := range v.Refs() {
		infos[r.Ref] = r
	}
	var out []Leak
	var s *snapshot.Snapshot
	for _, fn := range x.ended {
		fn(x.host.Now(), func(e Ended) {
			for _, ref := range e.Refs {
				info := infos[ref]
				if info.What == "" {
					continue
				}
				if s == nil {
					s = x.HeapSnapshot("leak")
				}
				if holder, bytes, found := holderOf(s, v, e, infos); found && !(e.Kept && holder != "") {
					out = append(out, Leak{purpose(info.What), info.Site, e.Name, holder, bytes})
				}
			}
		})
	}
	return out
}

// Leaks lists the callbacks that CheckLeaks has found since the last reset, by place and
// purpose, the most frequent first.
func (x *Inspector) Leaks() []event.RefHeld {
	var out []event.RefHeld
	for held, n := range x.leaks {
		held.Count = n
		out = append(out, held)
	}
	slices.SortFunc(out, func(a, b event.RefHeld) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Site, b.Site), cmp.Compare(a.What, b.What))
	})
	return out
}

func powerOfTen(n int) bool {
	for n >= 10 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}

func since(d clock.Duration) string {
	if d < clock.Second {
		return fmt.Sprintf("%d ms", d/clock.Millisecond)
	}
	return fmt.Sprintf("%d s", d/clock.Second)
}

// holderOf says where the program holds an object, apart from its own callbacks:
// "" when nowhere. bytes is what would be free without it. found is false when it
// is garbage that the next collection takes.
func holderOf(s *snapshot.Snapshot, v *vm.VM, e Ended, infos map[vm.Ref]vm.RefInfo) (holder string, bytes int, found bool) {
	id := v.SnapshotID(e.Object)
	if id == 0 || s.Path(id) == nil {
		return "", 0, false
	}
	own := map[string]bool{}
	for _, ref := range e.Refs {
		if i, ok := infos[ref]; ok {
			own[i.Name()] = true
		}
	}
	without := *s
	without.Objects = append([]snapshot.Object(nil), s.Objects...)
	for i := range without.Objects {
		o := &without.Objects[i]
		if o.Kind != snapshot.Registry {
			continue
		}
		var refs []snapshot.Ref
		for _, r := range o.Refs {
			if !own[r.Name] {
				refs = append(refs, r)
			}
		}
		o.Refs = refs
	}
	bytes = s.Used() - without.Reached()
	if steps := without.Path(id); steps != nil {
		holder = snapshot.PathText(steps)
		if o := s.Find(id); o != nil {
			bytes = max(bytes, o.Retained)
		}
	}
	return holder, bytes, true
}
