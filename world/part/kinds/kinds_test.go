package kinds

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/part/parttest"
)

func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range kinds {
		if got, err := Named(k.Name); err != nil || got.Name != k.Name || seen[k.Name] {
			t.Errorf("%s: %v", k.Name, err)
		}
		seen[k.Name] = true
		_, c := parttest.New(true)
		p := k.New(c)
		for _, action := range append(p.Show().Actions, "no such thing") {
			if err := p.Act(action); (err == nil) != (action != "no such thing") {
				t.Errorf("%s: %s: %v", k.Name, action, err)
			}
		}
	}
}

func TestUnknownKind(t *testing.T) {
	_, err := Named("lamp")
	if err == nil || !strings.HasPrefix(err.Error(), `no part is a "lamp"; write led, button`) || !strings.Contains(err.Error(), " or "+kinds[len(kinds)-1].Name) {
		t.Errorf("error %v", err)
	}
}
