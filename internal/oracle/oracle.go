// Package oracle compares what the simulator does with sets of measurements: those that
// lie in the testdata of tests, and further ones of the same formats.
//
// A set is a file SET.json. Its test is called TestOracle…, and ends with a line
// "SET: N of M identical": M are the entries of the file, less those whose result is
// undefined on a device, and N those that come out the same. What can't is listed by
// name, with the reason; a listed entry that becomes right fails the test.
//
// The environment variable NODEMCU_ORACLE names one directory. Of it each test runs
// the file that has the name of its own set, if there is one, and ends with a second
// line, which says "(further)". A directory that is absent, or has none of the sets that
// tests know, is a mistake and fails.
//
// The package owns the counting. It must not know what is measured: how a file is read
// and an entry is run is the test's business.
package oracle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Variable is the environment variable that names the directory of further sets.
const Variable = "NODEMCU_ORACLE"

// sets are those that tests know. A set without a test, or the other way round, fails
// TestSets.
var sets = []string{
	"audit-probes", "coap-traces", "enduser-traces", "http-traces", "language", "lfs-behaviour", "lfs-images", "lua-suite", "mdns-traces", "memory-egc", "memory-oom",
	"memory-snippets", "modules-bit", "modules-bloom", "modules-color_utils", "modules-cron",
	"modules-crypto", "modules-encoder", "modules-pipe", "modules-pixbuf", "modules-rtctime",
	"modules-sjson", "modules-struct", "mqtt-traces", "net-traces", "numbers",
	"rtc-cron-traces", "sdk-heap", "sdk-timers", "sdk-watchdog", "sntp-traces",
	"spiffs-traces", "tls-traces", "uart-traces", "websocket-traces",
}

// Entry is one measurement of a set.
type Entry struct {
	Name string
	// Check does what was measured and returns in what it came out otherwise, or "".
	Check func() (difference string)
	// Undefined says that the result depends on what a device happens to have in its
	// memory, or is a reset ("heap_or_reset"): it is not compared.
	Undefined bool
}

// Set is how a test compares a set.
type Set struct {
	Name string // as the file's, without ".json"
	// Unlike names the entries that can't be identical, with the reason.
	Unlike map[string]string
	// Read makes entries of a file.
	Read func(t *testing.T, data []byte) []Entry
	// Parallel runs entries on all CPUs.
	Parallel bool
}

// Compare runs the entries of testdata/SET.json and of the further set.
func (s Set) Compare(t *testing.T) {
	t.Helper()
	s.compare(t, filepath.Join("testdata", s.Name+".json"), false)
	if path, ok := Further(t, s.Name); ok {
		s.compare(t, path, true)
	}
}

func (s Set) compare(t *testing.T, path string, further bool) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var entries []Entry
	names := map[string]bool{}
	for _, e := range s.Read(t, data) {
		if names[e.Name] && !further {
			t.Errorf("%s: there are two entries %q", path, e.Name)
		}
		if names[e.Name] = true; !e.Undefined {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		t.Fatalf("%s: no entries", path)
	}
	for name := range s.Unlike {
		if !names[name] && !further {
			t.Errorf("%s has no entry %q, which is listed as different", s.Name, name)
		}
	}
	differences := s.check(entries)
	same := 0
	for i, e := range entries {
		reason, listed := s.Unlike[e.Name]
		switch difference := differences[i]; {
		case difference == "":
			same++
			if listed && !further {
				t.Errorf("%s is identical now: take it out of the list (%s)", e.Name, reason)
			}
		case listed:
			t.Logf("%s differs as listed (%s): %s", e.Name, reason, difference)
		default:
			t.Errorf("%s: %s", e.Name, difference)
		}
	}
	which := ""
	if further {
		which = " (further)"
	}
	t.Logf("%s: %d of %d identical%s", s.Name, same, len(entries), which)
}

// check runs all entries and returns the differences in their order.
func (s Set) check(entries []Entry) []string {
	differences := make([]string, len(entries))
	if !s.Parallel {
		for i, e := range entries {
			differences[i] = e.Check()
		}
		return differences
	}
	next := make(chan int)
	var work sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() {
			for i := range next {
				differences[i] = entries[i].Check()
			}
		})
	}
	for i := range entries {
		next <- i
	}
	close(next)
	work.Wait()
	return differences
}

// Decode reads the JSON of a set, or fails.
func Decode[T any](t testing.TB, data []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("oracle: %v", err)
	}
	return v
}

// Load reads testdata/SET.json for tests that use a set for something else.
func Load[T any](t testing.TB, set string) T {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", set+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return Decode[T](t, data)
}

// Further returns the path of the further set of that name. ok is false when there
// is none.
func Further(t testing.TB, set string) (path string, ok bool) {
	t.Helper()
	if !slices.Contains(sets, set) {
		t.Fatalf("oracle: %s is not in the list of sets", set)
	}
	dir := os.Getenv(Variable)
	if dir == "" {
		return "", false
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("%s must name a directory: %v", Variable, err)
	}
	known := false
	for _, e := range entries {
		name, isJSON := strings.CutSuffix(e.Name(), ".json")
		known = known || isJSON && slices.Contains(sets, name)
	}
	if !known {
		t.Fatalf("%s=%s has none of the sets %s", Variable, dir, strings.Join(sets, ", "))
	}
	path = filepath.Join(dir, set+".json")
	_, err = os.Stat(path)
	return path, err == nil
}
