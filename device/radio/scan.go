package radio

import (
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// ScanFilter narrows a scan; zero fields do not.
type ScanFilter struct {
	SSID    string
	BSSID   air.MAC
	Channel int
	Hidden  bool // also networks that hide their name
}

// Scan looks for networks and calls done with them. A second scan before the
// first has ended replaces it.
func (r *Radio) Scan(f ScanFilter, done func([]air.Network)) {
	if r.scan != nil {
		r.scan.Disarm()
	}
	r.scan = r.host.NewTimer(func() {
		var found []air.Network
		for _, n := range r.air.Visible(r, r.config) {
			if (f.SSID == "" || f.SSID == n.SSID) && (f.BSSID == (air.MAC{}) || f.BSSID == n.BSSID) &&
				(f.Channel == 0 || f.Channel == n.Channel) && (f.Hidden || !n.Hidden) {
				found = append(found, n)
			}
		}
		done(found)
	})
	r.scan.Arm(r.scanTime(f), false)
}

// scanTime is how long a scan takes: longer on channels where there is a network.
func (r *Radio) scanTime(f ScanFilter) (t clock.Duration) {
	var heard [channels + 1]bool
	for _, n := range r.air.Visible(r, r.config) {
		heard[min(max(n.Channel, 0), channels)] = true
	}
	for ch := 1; ch <= channels; ch++ {
		if f.Channel != 0 && f.Channel != ch {
			continue
		}
		if t += scanQuiet; heard[ch] {
			t += scanChannel - scanQuiet
		}
		if r.Station.net != nil {
			t += scanHome
		}
	}
	return t
}
