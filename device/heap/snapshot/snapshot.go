// Package snapshot is what a heap looked like at one moment: every object with
// its size, what it refers to, and where it was made. It owns the format of a
// snapshot's file, the question who keeps what alive (dominators), the ways from
// a root to an object, totals, and the difference of two snapshots.
//
// It knows nothing of Lua or of a device: package vm and package inspect fill a
// Snapshot.
//
// This package is stable: docs/go.md.
package snapshot

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Format is the number of the file format. It changes when a reader of the old
// one would misread the new one.
const Format = 1

// Kinds of objects. Native memory has the kinds of package heap: pcb, pbuf …
const (
	Root      = "root" // holds everything; no memory of its own
	Registry  = "registry"
	State     = "lua state" // what Lua made at boot and never changes
	String    = "string"
	Table     = "table"
	Function  = "function"
	Upvalue   = "upvalue"
	Prototype = "prototype"
	Userdata  = "userdata"
	Thread    = "thread"
	Buffer    = "buffer"  // string table, concat buffer
	Request   = "request" // what is being given out at this moment
)

// Snapshot is a heap at one moment.
type Snapshot struct {
	Format int    `json:"format"`
	Device string `json:"device"`
	Board  string `json:"board"`
	Reason string `json:"reason"` // why it was taken
	Time   int64  `json:"time_us"`
	Uptime int64  `json:"uptime_us"`
	Boot   int    `json:"boot"` // resets before this one
	// Tracked says that allocation sites and ages were recorded since boot.
	Tracked bool     `json:"tracked"`
	Heap    Heap     `json:"heap"`
	Objects []Object `json:"objects"` // the root first
}

// Heap is the memory as a whole, in bytes.
type Heap struct {
	Size    int `json:"size"`
	Free    int `json:"free"`
	Garbage int `json:"garbage"` // used, but held by nothing
	Largest int `json:"largest"` // longest free piece
	Low     int `json:"low"`     // least free since boot
	// Request is the allocation that found no room, 0 if none.
	Request int `json:"request,omitempty"`
}

// Object is one object. Bytes is what it takes of the heap, with block headers
// and rounding; LuaBytes what collectgarbage("count") counts for it. Retained is
// what would be free if it went, with everything that only it keeps alive.
type Object struct {
	ID       int            `json:"id"` // the same in all snapshots of one boot
	Kind     string         `json:"kind"`
	Name     string         `json:"name,omitempty"`
	Bytes    int            `json:"bytes"`
	LuaBytes int            `json:"lua_bytes,omitempty"`
	Retained int            `json:"retained"`
	Sizes    map[string]int `json:"sizes,omitempty"` // what its size comes from
	Site     string         `json:"site,omitempty"`  // file:line that made it
	Func     string         `json:"func,omitempty"`  // the function that made it
	Stack    []string       `json:"stack,omitempty"` // its callers, innermost first
	StackID  int32          `json:"-"`               // of the recorder, 0: not known
	Age      int64          `json:"age_us"`          // -1: not known
	Refs     []Ref          `json:"refs,omitempty"`
}

// Ref is a reference from one object to another. Name continues the path to the
// object that has it: ".srv", "[3]", " upvalue buf".
type Ref struct {
	To   int    `json:"to"`
	Name string `json:"name"`
}

// Write writes s as JSON, an object a line.
func (s *Snapshot) Write(w io.Writer) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	head := *s
	head.Objects = nil
	if err := enc.Encode(head); err != nil {
		return err
	}
	const none = "\"objects\":null}\n"
	b.Truncate(b.Len() - len(none))
	b.WriteString(`"objects":[`)
	for i := range s.Objects {
		sep := ",\n"
		if i == 0 {
			sep = "\n"
		} else {
			b.Truncate(b.Len() - 1) // the encoder's end of line
		}
		b.WriteString(sep)
		if err := enc.Encode(&s.Objects[i]); err != nil {
			return err
		}
	}
	b.WriteString("]}\n")
	_, err := w.Write(b.Bytes())
	return err
}

// Read takes no more than this: a heap of 50 KB has some 3000 objects, and its
// file 300 KB.
const (
	maxObjects = 1 << 18
	maxFile    = 32 << 20 // bytes
)

// Read reads a snapshot and checks that it hangs together: later code may follow
// every reference. What objects retain is computed anew.
func Read(r io.Reader) (*Snapshot, error) {
	limited := &io.LimitedReader{R: r, N: maxFile}
	b := bufio.NewReader(limited)
	if magic, err := b.Peek(2); err == nil && string(magic) == "\x1f\x8b" {
		return nil, fmt.Errorf("not a heap snapshot: it is compressed, as profiles are; see go tool pprof")
	}
	s := &Snapshot{}
	if err := s.decode(json.NewDecoder(b)); err != nil {
		switch {
		case limited.N == 0:
			err = fmt.Errorf("not a heap snapshot: larger than %d MB", maxFile>>20)
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			err = fmt.Errorf("not a heap snapshot: it ends too early")
		}
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	s.Dominate()
	return s, nil
}

// decode reads the file's one value, object by object, so that a file of another
// shape is not read in as a whole.
func (s *Snapshot) decode(dec *json.Decoder) error {
	fields := map[string]any{"format": &s.Format, "device": &s.Device, "board": &s.Board, "reason": &s.Reason,
		"time_us": &s.Time, "uptime_us": &s.Uptime, "boot": &s.Boot, "tracked": &s.Tracked, "heap": &s.Heap}
	bad := func(err error) error { return fmt.Errorf("not a heap snapshot: %w", err) }
	delim := func(want json.Delim) error {
		t, err := dec.Token()
		if err == nil && t != want {
			err = fmt.Errorf("no %s where one should be", want)
		}
		if err != nil {
			return bad(err)
		}
		return nil
	}
	if err := delim('{'); err != nil {
		return err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return bad(err)
		}
		if name, _ := key.(string); name != "objects" {
			to := fields[name]
			if to == nil {
				to = new(json.RawMessage)
			}
			if err := dec.Decode(to); err != nil {
				return bad(err)
			}
			if name == "format" && s.Format != Format {
				return s.wrongFormat()
			}
			continue
		}
		if err := delim('['); err != nil {
			return err
		}
		for dec.More() {
			if len(s.Objects) == maxObjects {
				return fmt.Errorf("not a heap snapshot: more than %d objects", maxObjects)
			}
			s.Objects = append(s.Objects, Object{})
			if err := dec.Decode(&s.Objects[len(s.Objects)-1]); err != nil {
				return bad(err)
			}
		}
		if err := delim(']'); err != nil {
			return err
		}
	}
	if err := delim('}'); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("not a heap snapshot: more follows after its end")
	}
	return nil
}

func (s *Snapshot) wrongFormat() error {
	return fmt.Errorf("heap snapshot of format %d, this program reads %d; take it anew", s.Format, Format)
}

func (s *Snapshot) check() error {
	if s.Format != Format {
		return s.wrongFormat()
	}
	if len(s.Objects) == 0 || s.Objects[0].Kind != Root {
		return fmt.Errorf("not a heap snapshot: it does not begin with a root")
	}
	ids := make(map[int]bool, len(s.Objects))
	for i := range s.Objects {
		o := &s.Objects[i]
		if o.ID < 0 {
			return fmt.Errorf("damaged heap snapshot: an object with id %d", o.ID)
		}
		if ids[o.ID] {
			return fmt.Errorf("damaged heap snapshot: two objects with id %d", o.ID)
		}
		if o.Bytes < 0 || o.Bytes > 1<<30 {
			return fmt.Errorf("damaged heap snapshot: object %d has %d bytes", o.ID, o.Bytes)
		}
		ids[o.ID] = true
	}
	for i := range s.Objects {
		for _, ref := range s.Objects[i].Refs {
			if !ids[ref.To] {
				return fmt.Errorf("damaged heap snapshot: object %d refers to %d, which is not there", s.Objects[i].ID, ref.To)
			}
		}
	}
	return nil
}

// Index returns where in Objects each id is.
func (s *Snapshot) Index() map[int]int {
	m := make(map[int]int, len(s.Objects))
	for i := range s.Objects {
		m[s.Objects[i].ID] = i
	}
	return m
}

// Find returns the object with an id, nil if there is none.
func (s *Snapshot) Find(id int) *Object {
	for i := range s.Objects {
		if s.Objects[i].ID == id {
			return &s.Objects[i]
		}
	}
	return nil
}

// Used returns the bytes of all objects.
func (s *Snapshot) Used() int {
	n := 0
	for i := range s.Objects {
		n += s.Objects[i].Bytes
	}
	return n
}
