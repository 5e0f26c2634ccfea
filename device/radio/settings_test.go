package radio_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// switchedOn is a device with a chip whose settings are kept.
func switchedOn(kept string) *device.Device {
	w := world.New(1)
	b := chiptest.Board()
	d := device.New(w, device.Config{
		Board: b, WiFi: radio.Config{Kept: kept}, Startup: func(*device.Device) {},
		Flash: flash.Fresh(flash.Layout{Address: 0x80000, Size: 0x20000}, 0x100000),
	})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	return d
}

// What the flash holds of Wi-Fi comes back as it was, byte by byte.
func TestSettingsAreKept(t *testing.T) {
	d := switchedOn("")
	net := radio.StationConfig{SSID: "caf\xe9\x00\xff", Password: "s3cret\xfe", BSSID: air.MAC{1, 2, 3, 4, 5, 6}, BSSIDSet: true}
	ap := radio.APConfig{SSID: "mine\xff", Password: "12345678", Auth: air.AuthWPA2, Channel: 11, Hidden: true, MaxStations: 2, Beacon: 200}
	d.Radio.SetMode(radio.StationAPMode, true)
	d.Radio.SetPhyMode(2)
	d.Radio.Station.SetStoredLimit(3)
	if !d.Radio.Station.Configure(radio.StationConfig{SSID: "first"}, true) || !d.Radio.Station.Configure(net, true) || !d.Radio.AP.Configure(ap, true) {
		t.Fatal("not configured")
	}
	d.Radio.Station.SetAutoConnect(false)
	kept := string(d.Flash.Settings())
	aps, current := d.Radio.Station.Stored()

	again := switchedOn(kept)
	gotAPs, gotCurrent := again.Radio.Station.Stored()
	if r := again.Radio; r.DefaultMode() != radio.StationAPMode || r.PhyMode() != 2 || r.Station.DefaultConfig() != net || r.AP.DefaultConfig() != ap || r.Station.AutoConnect() ||
		len(gotAPs) != len(aps) || gotAPs[1] != aps[1] || gotCurrent != current {
		t.Errorf("mode %v, phy %d, station %+v, AP %+v, stored %+v %d", r.DefaultMode(), r.PhyMode(), r.Station.DefaultConfig(), r.AP.DefaultConfig(), gotAPs, gotCurrent)
	}
	again.Radio.Restore()
	if kept := switchedOn(string(again.Flash.Settings())); kept.Radio.DefaultMode() != radio.APMode || kept.Radio.Station.DefaultConfig().SSID != "" {
		t.Errorf("after a restore: %v, %+v", kept.Radio.DefaultMode(), kept.Radio.Station.DefaultConfig())
	}
}

// What is no settings leaves a device that is new.
func TestSettingsThatAreNone(t *testing.T) {
	good := string(switchedOn("").Flash.Settings())
	if !strings.Contains(good, `"mode":1`) {
		t.Fatalf("settings %s", good)
	}
	for _, bad := range []string{
		"x", "{}", strings.Replace(good, `"mode":1`, `"mode":4`, 1), strings.Replace(good, `"mode":1`, `"mode":-1`, 1),
		strings.Replace(good, `"phy":3`, `"phy":9`, 1), strings.Replace(good, `"limit":1`, `"limit":99`, 1),
		strings.Replace(good, `"current":0`, `"current":5`, 1), strings.Replace(good, `"channel":6`, `"channel":600`, 1),
		strings.Replace(good, `"auth":0`, `"auth":9`, 1), strings.Replace(good, `"beacon":100`, `"beacon":0`, 1),
		strings.Replace(good, `"password":""`, `"password":"`+strings.Repeat("AAAA", 40)+`"`, 1),
	} {
		if bad == good {
			t.Error("that is good")
		}
		if d := switchedOn(bad); d.Radio.Station.DefaultConfig().SSID != air.DefaultSSID || d.Radio.DefaultMode() != radio.StationMode {
			t.Errorf("%.60s: %+v", bad, d.Radio.Station.DefaultConfig())
		}
	}
}
