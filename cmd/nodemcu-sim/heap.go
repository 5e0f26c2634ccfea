package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
)

// heapFlags are the flags of heap.
type heapFlags struct {
	path int
	diff string
	json bool
	top  int
}

func heapCommand() *cobra.Command {
	var f heapFlags
	c := &cobra.Command{
		Use:   "heap [flags] FILE",
		Short: "Show what is in a heap snapshot",
		Long: `Show what is in a snapshot that run --heap-snapshot wrote: the memory by kind of
object, by the place in the program that made it, and the objects that keep most
alive. Sizes are bytes of the heap, with the allocator's headers. What an object
retains is what would be free if it went, with everything that only it keeps alive.`,
		Example: `  nodemcu-sim heap heap.json
  nodemcu-sim heap --path 317 heap.json
  nodemcu-sim heap --diff before.json after.json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("heap takes one snapshot file, %d are given", len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if f.top < 1 {
				return fmt.Errorf("--top takes a number above zero")
			}
			return f.run(c, args[0])
		},
	}
	fl := c.Flags()
	fl.SortFlags = false
	fl.IntVar(&f.path, "path", 0, "show who keeps the object with this number: the shortest way to it")
	fl.StringVar(&f.diff, "diff", "", "show what was added and freed since this older snapshot of the same run, by place")
	fl.IntVar(&f.top, "top", 12, "lines in each table")
	fl.BoolVar(&f.json, "json", false, "write the same as JSON")
	return c
}

func (f *heapFlags) run(c *cobra.Command, file string) error {
	if c.Flags().Changed("path") && c.Flags().Changed("diff") {
		return fmt.Errorf("--path and --diff do not go together")
	}
	s, err := readSnapshot(file)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	switch {
	case c.Flags().Changed("path"):
		return f.showPath(out, s)
	case c.Flags().Changed("diff"):
		old, err := readSnapshot(f.diff)
		if err != nil {
			return fmt.Errorf("--diff: %w", err)
		}
		f.warn(c.ErrOrStderr(), old, s)
		return f.showDiff(out, old, s)
	}
	return f.showAll(out, s)
}

// warn says when a difference means little.
func (f *heapFlags) warn(w io.Writer, old, s *snapshot.Snapshot) {
	switch {
	case !s.Related(old):
		fmt.Fprintf(w, "%s is not of the same run: the difference means little\n", f.diff)
	case old.Boot > s.Boot || old.Boot == s.Boot && old.Time > s.Time:
		fmt.Fprintf(w, "%s is the later of the two: --diff takes the older one\n", f.diff)
	}
}

func readSnapshot(name string) (*snapshot.Snapshot, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w; heap takes a file that run --heap-snapshot wrote", err)
	}
	defer file.Close()
	s, err := snapshot.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func writeJSON(w io.Writer, x any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(x)
}

// summary is heap --json.
type summary struct {
	Device  string           `json:"device"`
	Reason  string           `json:"reason"`
	Time    int64            `json:"time_us"`
	Heap    snapshot.Heap    `json:"heap"`
	Kinds   []snapshot.Group `json:"kinds"`
	Sites   []snapshot.Group `json:"sites"`
	Largest []largest        `json:"largest"`
}

type largest struct {
	ID       int            `json:"id"`
	Kind     string         `json:"kind"`
	Name     string         `json:"name,omitempty"`
	Site     string         `json:"site,omitempty"`
	Func     string         `json:"func,omitempty"`
	Bytes    int            `json:"bytes"`
	Retained int            `json:"retained"`
	Sizes    map[string]int `json:"sizes,omitempty"`
	Path     string         `json:"path"`
}

func (f *heapFlags) showAll(w io.Writer, s *snapshot.Snapshot) error {
	sum := summary{Device: s.Device, Reason: s.Reason, Time: s.Time, Heap: s.Heap,
		Kinds: s.ByKind(), Sites: top(s.BySite(), f.top)}
	paths := s.Paths()
	for _, o := range s.Largest(f.top) {
		sum.Largest = append(sum.Largest, largest{o.ID, o.Kind, o.Name, o.Site, o.Func, o.Bytes, o.Retained, o.Sizes,
			snapshot.PathText(paths.To(o.ID))})
	}
	if f.json {
		return writeJSON(w, sum)
	}
	fmt.Fprintf(w, "%s after %.6f s: %s\n", plain(s.Device), float64(s.Time)/1e6, plain(s.Reason))
	fmt.Fprintf(w, "%d of %d bytes free, longest piece %d, least free so far %d\n", s.Heap.Free, s.Heap.Size, s.Heap.Largest, s.Heap.Low)
	if s.Heap.Garbage > 0 {
		fmt.Fprintf(w, "%d bytes are held by nothing\n", s.Heap.Garbage)
	}
	if s.Heap.Request > 0 {
		fmt.Fprintf(w, "the request was for %d bytes\n", s.Heap.Request)
	}
	fmt.Fprintln(w)
	t := table{{"BYTES", "COUNT", "KIND"}}
	for _, g := range sum.Kinds {
		t.row(g.Bytes, g.Count, g.Name)
	}
	t.write(w)
	fmt.Fprintln(w)
	t = table{{"BYTES", "COUNT", "KIND", "MADE AT"}}
	for _, g := range sum.Sites {
		t.row(g.Bytes, g.Count, g.Kind, g.Name)
	}
	t.write(w)
	fmt.Fprintln(w)
	t = table{{"RETAINS", "BYTES", "ID", "KIND", "WHAT"}}
	for _, o := range sum.Largest {
		t.row(o.Retained, o.Bytes, o.ID, o.Kind, o.what())
	}
	t.write(w)
	if !s.Tracked {
		fmt.Fprintln(w, "\nSites were not recorded: take the snapshot with run --heap-snapshot.")
	}
	return nil
}

// what describes an object by the way to it, its name and the place that made it.
func (o largest) what() string {
	s := o.Path
	if s == "" {
		s = o.Name
	} else if !strings.HasSuffix(s, o.Name) { // as a key is its own name
		s += ": " + o.Name
	}
	return s + madeAt(o.Site)
}

func madeAt(site string) string {
	if site == "" {
		return ""
	}
	return ", made at " + site
}

func top[T any](list []T, n int) []T { return list[:min(n, len(list))] }

// pathStep is a step of heap --path --json.
type pathStep struct {
	Ref      string `json:"ref"`
	ID       int    `json:"id"`
	Kind     string `json:"kind"`
	Name     string `json:"name,omitempty"`
	Site     string `json:"site,omitempty"`
	Bytes    int    `json:"bytes"`
	Retained int    `json:"retained"`
}

func (f *heapFlags) showPath(w io.Writer, s *snapshot.Snapshot) error {
	o := s.Find(f.path)
	if o == nil || o.Kind == snapshot.Root {
		return fmt.Errorf("--path %d: the snapshot has no object with this number", f.path)
	}
	steps := []pathStep{}
	for _, st := range s.Path(f.path) {
		x := st.Object
		steps = append(steps, pathStep{strings.TrimSpace(st.Name), x.ID, x.Kind, x.Name, x.Site, x.Bytes, x.Retained})
	}
	if f.json {
		return writeJSON(w, steps)
	}
	if len(steps) == 0 {
		fmt.Fprintf(w, "nothing leads to %s %d\n", plain(o.Kind), o.ID)
	} else {
		t := table{{"RETAINS", "ID", "KIND", "REFERENCE AND WHAT IT LEADS TO"}}
		for _, st := range steps {
			t.row(st.Retained, st.ID, st.Kind, st.what())
		}
		t.write(w)
	}
	fmt.Fprintf(w, "\n%s %d: %d bytes, retains %d", plain(o.Kind), o.ID, o.Bytes, o.Retained)
	for _, name := range sortedKeys(o.Sizes) {
		fmt.Fprintf(w, ", %s %d", plain(strings.ReplaceAll(name, "_", " ")), o.Sizes[name])
	}
	if o.Age >= 0 {
		fmt.Fprintf(w, ", %.3f s old", float64(o.Age)/1e6)
	}
	fmt.Fprintln(w)
	for i, line := range o.Stack {
		by := "made at "
		if i > 0 {
			by = "     by "
		}
		fmt.Fprintln(w, by+plain(line))
	}
	return nil
}

// what is the reference and, unless that says it all, the object it leads to.
func (st pathStep) what() string {
	ref := st.Ref
	switch {
	case ref == "" && st.Kind == snapshot.Registry:
		return st.Kind
	case ref == "":
		ref = "value"
	}
	if st.Name != "" && st.Name != ref {
		ref += ": " + st.Name
	}
	return ref + madeAt(st.Site)
}

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func (f *heapFlags) showDiff(w io.Writer, old, s *snapshot.Snapshot) error {
	changes := s.Diff(old)
	if f.json {
		return writeJSON(w, changes)
	}
	if old.Boot != s.Boot {
		fmt.Fprintln(w, "The device was reset in between: every object is another one.")
	}
	fmt.Fprintf(w, "from %.6f s to %.6f s: free %d → %d bytes (%+d)\n\n", float64(old.Time)/1e6, float64(s.Time)/1e6,
		old.Heap.Free, s.Heap.Free, s.Heap.Free-old.Heap.Free)
	t := table{{"BYTES", "ADDED", "FREED", "RESIZED", "KIND", "MADE AT"}}
	left, sum := 0, 0
	for i, c := range changes {
		sum += c.Bytes()
		// The most grown are first, the most shrunk last: show both ends.
		if len(changes) > 2*f.top && i >= f.top && i < len(changes)-f.top {
			left++
			continue
		}
		t.row(signed(c.Bytes()), c.Added, c.Freed, signed(c.ResizedBytes), c.Kind, c.Name)
	}
	t.write(w)
	if left > 0 {
		fmt.Fprintf(w, "and %d that changed less\n", left)
	}
	fmt.Fprintf(w, "%s in all\n", signed(sum))
	if garbage := s.Heap.Garbage - old.Heap.Garbage; garbage != 0 {
		fmt.Fprintf(w, "%s held by nothing\n", signed(garbage))
	}
	return nil
}

func signed(n int) string { return fmt.Sprintf("%+d", n) }
