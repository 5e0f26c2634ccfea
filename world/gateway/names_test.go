package gateway

import (
	"net/netip"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/valuetest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

func TestKinds(t *testing.T) { valuetest.Check(t, Kinds) }

// TestSetName: names come and go, and those of the options stay the caller's.
func TestSetName(t *testing.T) {
	w := world.New(1)
	one, two := netip.MustParseAddr("192.168.1.20"), netip.MustParseAddr("192.168.1.21")
	given := map[string]netip.Addr{"a.example": one}
	g := New(w, Options{Policy: Isolated, Names: given})
	defer g.Close()
	for _, in := range []SetName{{"B.Example.", two}, {"a.example", two}, {"c", one}, {"c", netip.Addr{}}} {
		if _, err := w.Give(Name, in); err != nil {
			t.Error(err)
		}
	}
	if g.names["a.example"] != two || g.names["b.example"] != two || g.names["c"].IsValid() || given["a.example"] != one || len(given) != 1 {
		t.Errorf("%v, given %v", g.names, given)
	}
}
