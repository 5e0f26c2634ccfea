package gateway

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// TestInputsForWhatIsGone gives the gateway an input of each kind with a number that
// stands for nothing.
func TestInputsForWhatIsGone(t *testing.T) {
	w := world.New(1)
	g := New(w, Options{})
	defer g.Close()
	w.Wire.Tap(func(e wire.Event) { t.Errorf("a packet: %v", e.Packet) })
	for _, k := range hostnet.Kinds {
		reply, err := g.Take(k)
		wantErr := ""
		switch k.(type) {
		case hostnet.Accepted, hostnet.ClientDatagram: // these name the device they are for
			wantErr = `there is no device ""`
		}
		switch {
		case reply != "":
			t.Errorf("%T: reply %q", k, reply)
		case err == nil && wantErr != "", err != nil && err.Error() != wantErr:
			t.Errorf("%T: error %v, want %q", k, err, wantErr)
		}
	}
	if n := len(g.dialing) + len(g.bridges) + len(g.sockets) + len(g.lookups); n > 0 {
		t.Errorf("%d things have begun", n)
	}
}

// TestTheWorldsSideKnowsNoHost reads the package's source: what follows from the
// inputs alone needs no socket, no clock but the world's, and no goroutine.
func TestTheWorldsSideKnowsNoHost(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if slices.Contains([]string{"context", "io", "net", "os", "sync", "syscall", "time"}, strings.Trim(i.Path.Value, `"`)) {
				t.Errorf("%s imports %s", name, i.Path.Value)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.GoStmt, *ast.ChanType, *ast.SelectStmt:
				t.Errorf("%v: goroutines and channels are the network's", fset.Position(n.Pos()))
			}
			return true
		})
	}
}
