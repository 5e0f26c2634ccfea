package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/nodemcu-sim/nodemcu-sim/sim/heap/snapshot"
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
		Args: cobra.ExactArgs(1),
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
	s, err := readSnapshot(file)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	switch {
	case c.Flags().Changed("path") && f.diff != "":
		return fmt.Errorf("--path and --diff do not go together")
	case c.Flags().Changed("path"):
		return f.showPath(out, s)
	case f.diff != "":
		old, err := readSnapshot(f.diff)
		if err != nil {
			return fmt.Errorf("--diff: %w", err)
		}
		return f.showDiff(out, old, s)
	}
	return f.showAll(out, s)
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
	Bytes    int            `json:"bytes"`
	Retained int            `json:"retained"`
	Sizes    map[string]int `json:"sizes,omitempty"`
	Path     string         `json:"path"`
}

func (f *heapFlags) showAll(w io.Writer, s *snapshot.Snapshot) error {
	sum := summary{Device: s.Device, Reason: s.Reason, Time: s.Time, Heap: s.Heap,
		Kinds: s.ByKind(), Sites: top(s.BySite(), f.top)}
	for _, o := range s.Largest(f.top) {
		sum.Largest = append(sum.Largest, largest{o.ID, o.Kind, o.Name, o.Site, o.Bytes, o.Retained, o.Sizes,
			snapshot.PathText(s.Path(o.ID))})
	}
	if f.json {
		return writeJSON(w, sum)
	}
	fmt.Fprintf(w, "%s after %.6f s: %s\n", s.Device, float64(s.Time)/1e6, s.Reason)
	fmt.Fprintf(w, "%d of %d bytes free, longest piece %d, least free so far %d", s.Heap.Free, s.Heap.Size, s.Heap.Largest, s.Heap.Low)
	if s.Heap.Garbage > 0 {
		fmt.Fprintf(w, ", %d held by nothing", s.Heap.Garbage)
	}
	if s.Heap.Request > 0 {
		fmt.Fprintf(w, "; no room for %d", s.Heap.Request)
	}
	fmt.Fprint(w, "\n\n")
	t := newTable(w)
	fmt.Fprintln(t, "BYTES\tCOUNT\tKIND")
	for _, g := range sum.Kinds {
		fmt.Fprintf(t, "%d\t%d\t%s\n", g.Bytes, g.Count, g.Name)
	}
	t.Flush()
	fmt.Fprintln(w)
	t = newTable(w)
	fmt.Fprintln(t, "BYTES\tCOUNT\tKIND\tMADE AT")
	for _, g := range sum.Sites {
		fmt.Fprintf(t, "%d\t%d\t%s\t%s\n", g.Bytes, g.Count, g.Kind, g.Name)
	}
	t.Flush()
	fmt.Fprintln(w)
	t = newTable(w)
	fmt.Fprintln(t, "RETAINS\tBYTES\tID\tKIND\tWHAT")
	for _, o := range sum.Largest {
		fmt.Fprintf(t, "%d\t%d\t%d\t%s\t%s\n", o.Retained, o.Bytes, o.ID, o.Kind, o.what())
	}
	t.Flush()
	if !s.Tracked {
		fmt.Fprintln(w, "\nSites were not recorded: take the snapshot with run --heap-snapshot.")
	}
	return nil
}

// what describes an object by its name or, without one, by the way to it.
func (o largest) what() string {
	s := o.Path
	if s == "" || o.Name != "" && o.Kind != snapshot.String {
		s = strings.TrimSpace(o.Name)
		if o.Path != "" && o.Path != s {
			s += " at " + o.Path
		}
	}
	if o.Site != "" {
		s += ", made at " + o.Site
	}
	return s
}

func newTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

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
	t := newTable(w)
	fmt.Fprintln(t, "REFERENCE\tID\tKIND\tRETAINS\tWHAT")
	for _, st := range steps {
		if st.Ref == "" {
			st.Ref = "(value)"
			if st.Kind == snapshot.Registry {
				st.Ref = st.Kind
			}
		}
		what := st.Name
		if st.Site != "" {
			what = strings.TrimPrefix(what+", made at "+st.Site, ", ")
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%s\n", st.Ref, st.ID, st.Kind, st.Retained, what)
	}
	t.Flush()
	fmt.Fprintf(w, "\n%s %d: %d bytes, retains %d", o.Kind, o.ID, o.Bytes, o.Retained)
	for _, name := range sortedKeys(o.Sizes) {
		fmt.Fprintf(w, ", %s %d", strings.ReplaceAll(name, "_", " "), o.Sizes[name])
	}
	if o.Age >= 0 {
		fmt.Fprintf(w, ", %.3f s old", float64(o.Age)/1e6)
	}
	fmt.Fprintln(w)
	if len(o.Stack) > 0 {
		fmt.Fprintf(w, "made at %s\n", strings.Join(o.Stack, "\n     by "))
	}
	return nil
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
	t := newTable(w)
	fmt.Fprintln(t, "BYTES\tADDED\tFREED\tRESIZED\tKIND\tMADE AT")
	left := 0
	for i, c := range changes {
		// The most grown are first, the most shrunk last: show both ends.
		if len(changes) > 2*f.top && i >= f.top && i < len(changes)-f.top {
			left++
			continue
		}
		fmt.Fprintf(t, "%+d\t%d\t%d\t%+d\t%s\t%s\n", c.Bytes(), c.Added, c.Freed, c.ResizedBytes, c.Kind, c.Name)
	}
	t.Flush()
	if left > 0 {
		fmt.Fprintf(w, "and %d that changed less\n", left)
	}
	return nil
}
