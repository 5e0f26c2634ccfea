// Package snippets runs sets of measured pieces of Lua (oracle: formats.md, "Form of
// modules-*.json"): each on a device of its own, with all that it prints, then and later,
// and the error that it ends with.
//
// It must not know what a set is about. A module's test hands it the module.
package snippets

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// set is a file of the format.
type set struct {
	Prelude   string // runs first: helpers, as globals
	Chunkname string
	Cases     []snippet
}

// snippet is one piece of Lua and what it did.
type snippet struct {
	name, lua string
	want      result
	// endless: the firmware goes on for ever, and want.later is how it begins.
	endless bool
}

// result is what a snippet does.
type result struct {
	out           string
	later         string // what callbacks and tasks print when the chunk has ended
	loadError     string // it does not compile
	err           string // the error with which it ends
	errType       string // its type, if that is not string
	callbackError string
}

// bytes is how a field that is no UTF-8 is spelled.
const bytes = "_b64"

func (s *snippet) UnmarshalJSON(data []byte) error {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	take := func(to any, name string) error {
		raw, ok := fields[name]
		delete(fields, name)
		if !ok {
			return nil
		}
		return json.Unmarshal(raw, to)
	}
	text := func(to *string, name string) error {
		if _, ok := fields[name+bytes]; !ok {
			return take(to, name)
		}
		var spelled string
		if err := take(&spelled, name+bytes); err != nil {
			return err
		}
		b, err := base64.StdEncoding.DecodeString(spelled)
		*to = string(b)
		return err
	}
	var note, basis, module string
	var heap bool            // it needs more heap than a device has
	var luac json.RawMessage // what the compiler's own Lua does, on a PC
	for _, err := range []error{
		text(&s.name, "name"), text(&s.lua, "lua"),
		text(&s.want.out, "out"), text(&s.want.later, "later"),
		text(&s.want.loadError, "load_error"), text(&s.want.err, "error"), text(&s.want.errType, "error_type"),
		text(&s.want.callbackError, "callback_error"),
		take(&heap, "heap"), text(&note, "note"), take(&basis, "basis"), take(&module, "module"), take(&luac, "luac"),
	} {
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for name := range fields {
		return fmt.Errorf("%s: unknown field %s", s.name, name)
	}
	s.endless = strings.Contains(note, "for ever")
	return nil
}

// Read makes entries of such a file, run on devices with these modules.
func Read(modules ...device.Module) func(t *testing.T, data []byte) []oracle.Entry {
	return func(t *testing.T, data []byte) (entries []oracle.Entry) {
		file := oracle.Decode[set](t, data)
		for _, s := range file.Cases {
			entries = append(entries, oracle.Entry{Name: s.name, Check: func() string { return s.check(t, &file, modules) }})
		}
		return entries
	}
}

func (s *snippet) check(t *testing.T, file *set, modules []device.Module) (difference string) {
	got := s.run(t, file, modules)
	if s.endless && strings.HasPrefix(got.later, s.want.later) {
		got.later = s.want.later
	}
	if got != s.want {
		return fmt.Sprintf("%s\n\tgot  %+q\n\twant %+q", s.lua, got, s.want)
	}
	return ""
}

// callbacks is how long tasks and timers may go on after a chunk. An endless one has said
// what it says long before.
const (
	callbacks = 100 * clock.Millisecond
	endless   = clock.Millisecond
)

// run boots a device on which Lua takes no time, and does what was measured. It has more
// heap than there is, as what was measured had a PC's (oracle: formats.md).
func (s *snippet) run(t *testing.T, file *set, modules []device.Module) (got result) {
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	roomy := *board
	roomy.Heap.Size = 1 << 20
	w := world.New(1)
	var out strings.Builder
	failed := false
	w.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			if !failed { // what the firmware says of an error is not part of the set
				out.WriteString(d.Text)
			}
		case event.LuaError:
			got.callbackError, _, _ = strings.Cut(d.Message, "\nstack traceback")
			failed = true
		}
	})
	printed := func() string {
		defer out.Reset()
		return anonymous(out.String())
	}
	ran := false
	device.New(w, device.Config{Board: &roomy, Modules: modules, HostCPU: true, Startup: func(d *device.Device) {
		ran = true
		out.Reset()
		prelude, err := d.VM.Load([]byte(file.Prelude), "=prelude")
		if err != nil {
			t.Fatal(err)
		}
		d.Run("prelude", prelude)
		chunk, err := d.VM.Load([]byte(s.lua), file.Chunkname)
		if err != nil {
			got.loadError = err.Error()
			return
		}
		_, failure, _ := d.VM.Call(chunk, 0)
		if failure != nil {
			if _, isText := failure.Value.(vm.String); !isText {
				got.errType = d.VM.TypeName(failure.Value)
			} else {
				got.err = anonymous(failure.Message())
			}
		}
		got.out = printed()
	}}).PowerOn()
	for !ran {
		w.Clock.RunUntil(w.Clock.Now().Add(clock.Millisecond))
	}
	more := callbacks
	if s.endless {
		more = endless
	}
	w.Clock.RunUntil(w.Clock.Now().Add(more))
	got.later = printed()
	return got
}

var address = regexp.MustCompile(`0x[0-9a-f]{8}\b`)

// anonymous is text without line ends of the port and without addresses.
func anonymous(s string) string {
	return address.ReplaceAllString(strings.ReplaceAll(s, "\r\n", "\n"), "ADDR")
}
