package flash

import (
	"fmt"
	"testing"
)

// A list is of the files as they are, also when it was asked for before.
func TestListFollowsChanges(t *testing.T) {
	f := New(testSize)
	check := func(want string) {
		t.Helper()
		if got := fmt.Sprint(f.List()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check("[]")
	must(f.WriteFile("b", []byte("xx")))
	check("[{b 2}]")
	must(f.Put("a", nil))
	check("[{a 0} {b 2}]")
	must(f.WriteFile("a", []byte("y")))
	check("[{a 1} {b 2}]")
	must(f.Rename("a", "c"))
	check("[{b 2} {c 1}]")
	must(f.Remove("b"))
	check("[{c 1}]")
	f.Format()
	check("[]")
}
