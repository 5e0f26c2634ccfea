package radio

import (
	"encoding/json"

	"github.com/nodemcu-sim/nodemcu-sim/world/air"
)

// settings are stored as they are kept outside of the simulation. Names and passwords are bytes,
// which need not be UTF-8.
type settings struct {
	Mode     int        `json:"mode"`
	Auto     bool       `json:"auto"`
	PHY      int        `json:"phy"`
	Station  network    `json:"station"`
	Networks []network  `json:"networks"`
	Limit    int        `json:"limit"`
	Current  int        `json:"current"`
	AP       apSettings `json:"ap"`
}

type network struct {
	SSID     []byte   `json:"ssid"`
	Password []byte   `json:"password"`
	BSSID    *air.MAC `json:"bssid,omitempty"`
}

type apSettings struct {
	SSID        []byte `json:"ssid"`
	Password    []byte `json:"password"`
	Auth        int    `json:"auth"`
	Channel     int    `json:"channel"`
	Hidden      bool   `json:"hidden"`
	MaxStations int    `json:"max_stations"`
	Beacon      int    `json:"beacon"`
}

func networkOf(c StationConfig) network {
	n := network{SSID: []byte(c.SSID), Password: []byte(c.Password)}
	if c.BSSIDSet {
		n.BSSID = &c.BSSID
	}
	return n
}

func (n network) config() StationConfig {
	c := StationConfig{SSID: string(n.SSID), Password: string(n.Password)}
	if n.BSSID != nil {
		c.BSSID, c.BSSIDSet = *n.BSSID, true
	}
	return c
}

// fits reports whether the SDK has room for it.
func (n network) fits() bool { return len(n.SSID) <= 32 && len(n.Password) <= 64 }

// keep tells the host what the flash holds now.
func (r *Radio) keep() {
	f := &r.flash
	s := settings{
		Mode: int(f.mode), Auto: f.auto, PHY: f.phy, Station: networkOf(f.station), Limit: f.apLimit, Current: f.apIndex,
		AP: apSettings{[]byte(f.ap.SSID), []byte(f.ap.Password), int(f.ap.Auth), f.ap.Channel, f.ap.Hidden, f.ap.MaxStations, f.ap.Beacon},
	}
	for _, a := range f.aps {
		s.Networks = append(s.Networks, networkOf(a))
	}
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // of such types there is always one
	}
	r.host.Keep(data)
}

// recall fills the flash with what keep has told. What is not that is left out, and the flash is
// as when the device is first switched on.
func (r *Radio) recall(kept string) bool {
	var s settings
	if kept == "" || json.Unmarshal([]byte(kept), &s) != nil {
		return false
	}
	switch { // as what package wifi lets through
	case s.Mode < 0 || s.Mode > int(StationAPMode), s.PHY < 1 || s.PHY > phyN,
		s.Limit < 1 || s.Limit > maxStoredAPs, len(s.Networks) > maxStoredAPs, s.Current < 0, s.Current > 0 && s.Current >= len(s.Networks),
		!s.Station.fits(), !network{SSID: s.AP.SSID, Password: s.AP.Password}.fits(),
		s.AP.Auth < 0 || s.AP.Auth > int(air.AuthWPAWPA2), s.AP.Channel < 1 || s.AP.Channel > 13,
		s.AP.MaxStations < 1 || s.AP.MaxStations > apMaxStations, s.AP.Beacon < 100 || s.AP.Beacon > 60000:
		return false
	}
	f := stored{
		mode: Mode(s.Mode), auto: s.Auto, phy: s.PHY, station: s.Station.config(), apLimit: s.Limit, apIndex: s.Current,
		ap: APConfig{string(s.AP.SSID), string(s.AP.Password), air.AuthMode(s.AP.Auth), s.AP.Channel, s.AP.Hidden, s.AP.MaxStations, s.AP.Beacon},
	}
	for _, n := range s.Networks {
		if !n.fits() {
			return false
		}
		f.aps = append(f.aps, n.config())
	}
	r.flash = f
	return true
}
