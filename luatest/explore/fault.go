package explore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Case is a list of faults: what happens to a device while a test runs.
type Case []Fault

// Fault is one of them.
type Fault struct {
	// Name is one of those below, or of a quality of a link (wire.QualityKeys).
	Name string
	// At is what the fault strikes: the number of a packet, a run of the timers' handler, a
	// piece of work or a write, from 1; of heap it is its size, in bytes.
	At int
	// Bytes is how many bytes of write At are done.
	Bytes int
	// By is how long that waits.
	By clock.Duration
	// Value is that of a quality, as it was written.
	Value string
}

// The names of faults that are no qualities of a link.
const (
	lose   = "lose"   // packet At does not arrive
	double = "double" // packet At arrives twice
	hold   = "hold"   // packet At arrives By later, and others before it
	timer  = "timer"  // run At of the timers' handler comes By later
	task   = "task"   // piece of work At comes By later: a packet received, or a task of Lua
	cut    = "cut"    // power goes in write At
	heap   = "heap"   // the heap has At bytes
)

// Limits of what may be written.
const (
	maxFaults = 1000
	maxAt     = 1_000_000_000
	// MaxBusy is how long the Wi-Fi task may have the CPU at once. What a radio does takes some
	// milliseconds at most (assumed: the SDK's times are not known, oracle sdk-behaviour.md 8).
	MaxBusy = 10 * clock.Millisecond
	maxHold = 3600 * clock.Second
	// MaxCutBytes is how many bytes of a write can be done: the largest is that of a block's erase.
	MaxCutBytes = 8192
)

// form is how a fault is written behind its name.
type form int

const (
	number  form = iota // N
	delayed             // N:TIME
	write               // write:N or write:N+BYTES
)

var forms = map[string]struct {
	form    form
	most    clock.Duration // of the time
	example string
	once    bool
}{
	lose:   {number, 0, "lose=7, the number of a packet", false},
	double: {number, 0, "double=7, the number of a packet", false},
	hold:   {delayed, maxHold, "hold=7:80ms, the number of a packet and how much later it comes, up to 1h", false},
	timer:  {delayed, MaxBusy, "timer=7:3ms, the number of a run of the timers' handler and how much later it comes, up to 10ms", false},
	task:   {delayed, MaxBusy, "task=7:3ms, the number of a piece of work and how much later it comes, up to 10ms", false},
	cut:    {write, 0, "cut=write:12, the number of a write to flash, or cut=write:12+100, of which the first 100 bytes are done", true},
	heap:   {number, 0, "heap=21000, the size of the heap in bytes", true},
}

// Parse reads a case: faults, separated by commas. An error is one line that says what to
// write.
func Parse(text string) (Case, error) {
	parts := strings.SplitN(text, ",", maxFaults+1)
	if len(parts) > maxFaults {
		return nil, fmt.Errorf("more than %d faults: write fewer", maxFaults)
	}
	var c Case
	seen := map[string]bool{}
	for _, part := range parts {
		f, err := parseFault(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		if seen[f.key()] {
			return nil, fmt.Errorf("%s is given twice", f.key())
		}
		seen[f.key()] = true
		c = append(c, f)
	}
	return c, nil
}

func parseFault(text string) (f Fault, err error) {
	name, value, ok := strings.Cut(text, "=")
	f.Name = strings.TrimSpace(name)
	value = strings.TrimSpace(value)
	if !ok {
		return f, fmt.Errorf("%.40q is not FAULT=VALUE: write for example lose=7,timer=3:2ms,cut=write:12", text)
	}
	of, ok := forms[f.Name]
	if !ok {
		return parseQuality(f.Name, value)
	}
	wrong := func() error { return fmt.Errorf("%s = %.40q: write for example %s", f.Name, value, of.example) }
	at, by := value, ""
	switch of.form {
	case write:
		if at, ok = strings.CutPrefix(value, "write:"); !ok {
			return f, wrong()
		}
		if number, bytes, some := strings.Cut(at, "+"); some {
			at = number
			if f.Bytes, err = strconv.Atoi(bytes); err != nil || f.Bytes < 1 || f.Bytes > MaxCutBytes {
				return f, wrong()
			}
		}
	case delayed:
		if at, by, ok = strings.Cut(value, ":"); !ok {
			return f, wrong()
		}
		d, err := time.ParseDuration(by)
		f.By = clock.Duration(d.Microseconds())
		if err != nil || f.By <= 0 || f.By > of.most {
			return f, wrong()
		}
	}
	if f.At, err = strconv.Atoi(at); err != nil || f.At < 1 || f.At > maxAt {
		return f, wrong()
	}
	return f, nil
}

// parseQuality reads a quality that the link has as long as the test runs.
func parseQuality(name, value string) (Fault, error) {
	f := Fault{Name: name, Value: value}
	if !slices.Contains(wire.QualityKeys, name) {
		return f, fmt.Errorf("there is no fault %.40q: use lose, double, hold, timer, task, cut or heap, or what --link has, as latency=80ms", name)
	}
	var q wire.Quality
	if err := q.Set(name, value); err != nil {
		return f, err
	}
	switch name {
	case "latency":
		f.By, f.Value = q.Latency, ""
	case "jitter":
		f.By, f.Value = q.Jitter, ""
	}
	return f, nil
}

func (c Case) String() string {
	var parts []string
	for _, f := range c {
		parts = append(parts, f.String())
	}
	return strings.Join(parts, ",")
}

// key is what a case has once.
func (f Fault) key() string {
	if forms[f.Name].once || f.At == 0 {
		return f.Name
	}
	return fmt.Sprintf("%s=%d", f.Name, f.At)
}

func (f Fault) String() string {
	of, ok := forms[f.Name]
	switch {
	case f.Value != "":
		return f.Name + "=" + f.Value
	case !ok:
		return f.Name + "=" + millis(f.By)
	case of.form == delayed:
		return fmt.Sprintf("%s=%d:%s", f.Name, f.At, millis(f.By))
	case of.form == write && f.Bytes > 0:
		return fmt.Sprintf("%s=write:%d+%d", f.Name, f.At, f.Bytes)
	case of.form == write:
		return fmt.Sprintf("%s=write:%d", f.Name, f.At)
	}
	return fmt.Sprintf("%s=%d", f.Name, f.At)
}

// millis writes a time so that it is read again as it was.
func millis(d clock.Duration) string {
	return strconv.FormatFloat(float64(d)/1000, 'f', -1, 64) + "ms"
}

// Quality is that of the link, as far as the case says.
func (c Case) Quality() (q wire.Quality) {
	for _, f := range c {
		value := f.Value
		if value == "" {
			value = millis(f.By)
		}
		if _, ok := forms[f.Name]; !ok {
			_ = q.Set(f.Name, value) // Parse has looked
		}
	}
	return q
}

// Points are faults that strike by number.
type Points struct {
	Lost, Doubled         map[int]bool
	Held, Handlers, Works map[int]clock.Duration
	CutAt                 int // the write; 0: none
	CutBytes              int // of it that are done
	Heap                  int // bytes; 0: as it is
}

// Points sorts a case by what it strikes.
func (c Case) Points() Points {
	p := Points{Lost: map[int]bool{}, Doubled: map[int]bool{}, Held: map[int]clock.Duration{}, Handlers: map[int]clock.Duration{}, Works: map[int]clock.Duration{}}
	for _, f := range c {
		switch f.Name {
		case lose:
			p.Lost[f.At] = true
		case double:
			p.Doubled[f.At] = true
		case hold:
			p.Held[f.At] = f.By
		case timer:
			p.Handlers[f.At] = f.By
		case task:
			p.Works[f.At] = f.By
		case cut:
			p.CutAt, p.CutBytes = f.At, f.Bytes
		case heap:
			p.Heap = f.At
		}
	}
	return p
}

// has reports whether a case has a fault of this name that strikes there.
func (c Case) has(name string, at int) bool {
	return slices.ContainsFunc(c, func(f Fault) bool { return f.Name == name && f.At == at })
}
