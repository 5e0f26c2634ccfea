package snapshot

import (
	"cmp"
	"slices"
)

// Group is a number of objects that have something in common.
type Group struct {
	Name  string `json:"name"`
	Kind  string `json:"kind,omitempty"`
	Bytes int    `json:"bytes"`
	Count int    `json:"count"`
}

// NoSite stands for the site of what has none: native memory, and what was made
// before sites were recorded.
const NoSite = "(no site)"

// Firmware is the site of what the firmware made at boot.
const Firmware = "(firmware)"

// ByKind adds up objects by kind, the largest first.
func (s *Snapshot) ByKind() []Group {
	return s.group(func(o *Object) Group { return Group{Name: o.Kind} })
}

// BySite adds up objects by the place that made them and by kind, the largest
// first.
func (s *Snapshot) BySite() []Group {
	return s.group(func(o *Object) Group {
		site := o.Site
		if site == "" {
			site = NoSite
		}
		return Group{Name: site, Kind: o.Kind}
	})
}

func (s *Snapshot) group(key func(*Object) Group) []Group {
	index := map[Group]int{}
	var out []Group
	for i := range s.Objects {
		o := &s.Objects[i]
		if o.Bytes == 0 { // the root, and what lies in memory of the system's
			continue
		}
		k := key(o)
		n, ok := index[k]
		if !ok {
			n = len(out)
			index[k] = n
			out = append(out, k)
		}
		out[n].Bytes += o.Bytes
		out[n].Count++
	}
	slices.SortStableFunc(out, func(a, b Group) int {
		return cmp.Or(b.Bytes-a.Bytes, cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

// Largest returns the n objects that retain most, without the root and what
// retains nothing.
func (s *Snapshot) Largest(n int) []*Object {
	var out []*Object
	for i := range s.Objects {
		if s.Objects[i].Kind != Root && s.Objects[i].Retained > 0 {
			out = append(out, &s.Objects[i])
		}
	}
	slices.SortStableFunc(out, func(a, b *Object) int {
		return cmp.Or(b.Retained-a.Retained, b.Bytes-a.Bytes, a.ID-b.ID)
	})
	return out[:min(n, len(out))]
}

// Change is what became of the objects of one site and kind between two
// snapshots.
type Change struct {
	Name         string `json:"name"`
	Kind         string `json:"kind"`
	Added        int    `json:"added"`
	AddedBytes   int    `json:"added_bytes"`
	Freed        int    `json:"freed"`
	FreedBytes   int    `json:"freed_bytes"`
	ResizedBytes int    `json:"resized_bytes"` // of those that are in both
}

// Bytes is how much more there is of it.
func (c Change) Bytes() int { return c.AddedBytes - c.FreedBytes + c.ResizedBytes }

// same reports whether an object of an older snapshot can be the one that has its
// number now.
func (s *Snapshot) same(old *Snapshot, was, o *Object) bool {
	switch {
	case was.Kind != o.Kind:
		return false
	case o.Kind == String && was.Name != o.Name:
		return false
	}
	return was.Site == o.Site || !s.Tracked || !old.Tracked
}

// Related reports whether old can be an older snapshot of the same run as s, or of
// one that is the same: few objects of the program are different ones in the two
// under one number. Before and after a reset there is no telling.
func (s *Snapshot) Related(old *Snapshot) bool {
	if old.Boot != s.Boot {
		return old.Device == s.Device && old.Board == s.Board
	}
	index := old.Index()
	shared, other := 0, 0
	for i := range s.Objects {
		o := &s.Objects[i]
		at, ok := index[o.ID]
		if !ok || o.Site == "" || o.Site == Firmware {
			continue
		}
		shared++
		if !s.same(old, &old.Objects[at], o) {
			other++
		}
	}
	return old.Device == s.Device && old.Board == s.Board && other*10 <= shared
}

// Diff says what was added and freed from old to s, by site and kind, the largest
// growth first. After a reset every object is another one.
func (s *Snapshot) Diff(old *Snapshot) []Change {
	index := map[Group]int{}
	var out []Change
	at := func(o *Object) *Change {
		site := o.Site
		if site == "" {
			site = NoSite
		}
		k := Group{Name: site, Kind: o.Kind}
		n, ok := index[k]
		if !ok {
			n = len(out)
			index[k] = n
			out = append(out, Change{Name: site, Kind: o.Kind})
		}
		return &out[n]
	}
	before := map[int]*Object{}
	if old.Boot == s.Boot {
		for i := range old.Objects {
			before[old.Objects[i].ID] = &old.Objects[i]
		}
	}
	seen := map[int]bool{}
	for i := range s.Objects {
		o := &s.Objects[i]
		was := before[o.ID]
		if was == nil || !s.same(old, was, o) {
			c := at(o)
			c.Added++
			c.AddedBytes += o.Bytes
			continue
		}
		seen[o.ID] = true
		if o.Bytes != was.Bytes {
			at(o).ResizedBytes += o.Bytes - was.Bytes
		}
	}
	for i := range old.Objects {
		if o := &old.Objects[i]; !seen[o.ID] {
			c := at(o)
			c.Freed++
			c.FreedBytes += o.Bytes
		}
	}
	out = slices.DeleteFunc(out, func(c Change) bool { return c.Kind == Root })
	slices.SortStableFunc(out, func(a, b Change) int {
		return cmp.Or(b.Bytes()-a.Bytes(), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}
