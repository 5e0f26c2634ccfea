package app

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// probe is a piece of Lua, and what the firmware's own code printed for it.
type probe struct {
	Module, Name, Lua, Expect string
	When                      string // "boot", or "online": when the station has its address
}

// TestOracleAudit runs each probe as init.lua of a fresh device and compares everything
// that it prints. A probe is bytes, one character each, and had a line of its own when it
// was measured: a syntax error at its end is in line 2.
func TestOracleAudit(t *testing.T) {
	runner, err := os.ReadFile(filepath.Join("testdata", "audit-runner.lua"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	oracle.Set{
		Name:     "audit-probes",
		Unlike:   unlikeProbes,
		Parallel: true,
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			for i, p := range oracle.Decode[[]probe](t, data) {
				dir := filepath.Join(dir, fmt.Sprint(i))
				entries = append(entries, oracle.Entry{Name: p.Name, Check: func() string { return p.check(dir, string(runner)) }})
			}
			return entries
		},
	}.Compare(t)
}

// auditTime is how long a probe's device runs.
const auditTime = 12 * clock.Second

func (p *probe) check(dir, runner string) (difference string) {
	run := fmt.Sprintf("print(\"@@START\")\nP([=[ %s\n]=])\n", latin1(p.Lua))
	if p.When == "online" {
		run = "tmr.create():alarm(4000, 0, function()\n" + run + "end)\n"
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err.Error()
	}
	if err := os.WriteFile(filepath.Join(dir, "init.lua"), []byte(runner+"\n"+run), 0o600); err != nil {
		return err.Error()
	}
	a, err := New(Options{Dir: dir, Net: "isolated", Seed: 1})
	if err != nil {
		return err.Error()
	}
	defer a.Close()
	var out strings.Builder
	boots := 0
	a.World.Subscribe(func(e world.Event) {
		switch what := e.Data.(type) {
		case event.Boot:
			boots++
		case event.Output:
			if boots == 1 {
				out.WriteString(what.Text)
			}
		}
	})
	a.Device.PowerOn()
	a.World.Clock.RunUntil(clock.At(auditTime))
	if got := normalProbe(out.String(), boots > 1); got != p.Expect {
		return fmt.Sprintf("%s\n\tgot  %q\n\twant %q", p.Lua, got, p.Expect)
	}
	return ""
}

var (
	probePrompt  = regexp.MustCompile(`>?> `)
	probeAddress = regexp.MustCompile(`0x[0-9a-f]{8}`)
	probeFile    = regexp.MustCompile(`,"init\.lua"=\d+|"init\.lua"=\d+,?`)
)

// latin1 is a text whose characters are bytes.
func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

// normalProbe is what was printed, without what differs from run to run.
func normalProbe(s string, restarted bool) string {
	_, s, _ = strings.Cut(s, "@@START")
	s = strings.TrimPrefix(strings.ReplaceAll(s, "\r", ""), "\n")
	s = probePrompt.ReplaceAllString(s, "")
	s = probeFile.ReplaceAllString(s, "")
	s = strings.TrimRight(probeAddress.ReplaceAllString(s, "0xADDR"), "\n")
	if restarted {
		s += "\nRESTART"
	}
	return s
}
