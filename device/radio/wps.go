package radio

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// WPSStatus is how an attempt to get a network's password by the push of a button went
// (SDK: WPS_CB_ST_SUCCESS …).
type WPSStatus int

// The results.
const (
	WPSSuccess WPSStatus = iota
	WPSFailed
	WPSTimeout
	WPSNoWEP
	WPSScanError
)

// Times of WPS. walkTime is how long a button counts (Wi-Fi Simple Configuration, walk
// time). That a registration takes exchangeTime is assumed.
const (
	walkTime     = 120 * clock.Second
	exchangeTime = 2 * clock.Second
)

// WPSResult is a result that comes whatever is in the air.
type WPSResult struct {
	Status WPSStatus
	After  clock.Duration
}

// WPS is the SDK's part of Wi-Fi Protected Setup: the station looks for the one access
// point whose button is pressed and takes the network's name and password from it. It
// stores them and does not connect.
type WPS struct {
	r       *Radio
	enabled bool
	timer   *ets.Timer
	done    func(WPSStatus)
}

// Enable prepares the radio. It reports false when the station is off.
func (w *WPS) Enable() bool {
	w.enabled = w.r.mode.has(air.StationIf)
	return w.enabled
}

// Disable ends all, without a result.
func (w *WPS) Disable() {
	w.enabled = false
	w.stop()
}

func (w *WPS) stop() {
	if w.timer != nil {
		w.timer.Disarm()
	}
	w.timer, w.done = nil, nil
}

// Start looks for an access point whose button is pressed. done is told the result. It
// reports false when WPS is not enabled: then there is no result.
func (w *WPS) Start(done func(WPSStatus)) bool {
	if !w.enabled {
		return false
	}
	w.stop()
	w.done = done
	if fixed := w.r.cfg.WPS; fixed != nil {
		w.after(fixed.After, func() { w.end(fixed.Status) })
		return true
	}
	w.after(w.r.scanTime(ScanFilter{}), w.scanned)
	return true
}

func (w *WPS) after(t clock.Duration, fn func()) {
	w.timer = w.r.host.NewTimer(fn)
	w.timer.Arm(t, false)
}

// pressed lists the networks whose button is pressed.
func (w *WPS) pressed() []air.Network {
	return slices.DeleteFunc(w.r.air.Visible(w.r, w.r.config), func(n air.Network) bool { return !n.WPS })
}

// scanned is the end of the search. Two buttons at a time are nobody's: the station can't
// know which is meant.
func (w *WPS) scanned() {
	switch found := w.pressed(); {
	case len(found) == 0:
		w.end(WPSScanError)
	case len(found) > 1:
		w.end(WPSFailed)
	case found[0].Auth == air.AuthWEP:
		w.end(WPSNoWEP)
	default:
		w.after(exchangeTime, func() { w.exchanged(found[0]) })
	}
}

// exchanged is the end of the registration, if the access point is still there.
func (w *WPS) exchanged(n air.Network) {
	if !slices.ContainsFunc(w.pressed(), func(o air.Network) bool { return o.BSSID == n.BSSID }) {
		w.after(walkTime-exchangeTime, func() { w.end(WPSTimeout) })
		return
	}
	if !w.r.Station.Configure(StationConfig{SSID: n.SSID, Password: n.Password}, true) {
		w.end(WPSFailed)
		return
	}
	w.end(WPSSuccess)
}

func (w *WPS) end(status WPSStatus) {
	done := w.done
	w.stop()
	done(status)
}
