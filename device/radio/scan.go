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

// Scan looks for networks and calls done with them, or with ok false when it has failed.
// It reports false when the station is off or a scan is under way (SDK:
// wifi_station_scan; oracle: formats.md, "enduser_setup …", Set-up).
func (r *Radio) Scan(f ScanFilter, done func(found []air.Network, ok bool)) bool {
	if !r.mode.has(air.StationIf) || r.Sniffer.on || r.scan != nil && r.scan.Armed() {
		return false
	}
	r.probe(f)
	r.scan = r.host.NewTimer(func() {
		if r.air.ScanFails {
			done(nil, false)
			return
		}
		var found []air.Network
		for _, n := range r.air.Visible(r, r.config) {
			if (f.SSID == "" || f.SSID == n.SSID) && (f.BSSID == (air.MAC{}) || f.BSSID == n.BSSID) &&
				(f.Channel == 0 || f.Channel == n.Channel) && (f.Hidden || !n.Hidden) {
				found = append(found, n)
			}
		}
		done(found, true)
	})
	r.air.Probe(r, f.Channel)
	r.scan.Arm(r.scanTime(f), false)
	return true
}

// probe has those who listen hear the scan: what it asks on each channel, when it gets
// there.
func (r *Radio) probe(f ScanFilter) {
	if !r.air.Heard() {
		return
	}
	in := r.air.Visible(r, r.config)
	each := r.scanTime(f)
	if f.Channel == 0 {
		each /= channels
	}
	at := clock.Duration(0)
	for ch := 1; ch <= channels; ch++ {
		if f.Channel != 0 && f.Channel != ch {
			continue
		}
		r.air.Probed(r.mac[air.StationIf], f.SSID, ch, at, in)
		at += each
	}
}

// scanTime is how long a scan takes: longer on channels where there is a network.
func (r *Radio) scanTime(f ScanFilter) (t clock.Duration) {
	if r.air.ScanDelay > 0 {
		return r.air.ScanDelay
	}
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
