package node

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/sim/pipe"
)

// In a legacy build node.output's function gets strings.
func TestOutputOfOldPrograms(t *testing.T) {
	for _, tt := range []struct{ name, lua, want string }{
		{"text and port", "got = '' node.output(function(s) got = got .. s end) print('a', 1) node.output(nil) print(#got, got:gsub('%s', '_'))", "a\t1\n4\ta_1_\t2"},
		{"not to the port", "got = '' node.output(function(s) got = got .. s end, 0) print('hidden') node.output() print(got)", "hidden\n"},
		{"what it prints itself", "n = 0 node.output(function(s) n = n + 1 print('x') end) print('a') node.output() print(n)", "a\nx\n1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.NewBuild(t, device.Build{Legacy: true}, nil, Module, pipe.Module)
			if got := x.Run(tt.lua); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
