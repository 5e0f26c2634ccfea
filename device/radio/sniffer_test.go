package radio_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// sniff is a world with a device that hears channel 3; what it gets is collected.
func sniff(t *testing.T, nets ...air.Network) (*world.World, *[][]byte) {
	t.Helper()
	w := world.New(1)
	w.Air.Networks = nets
	d, _ := radioDevice(w, radio.Config{Blank: true, Mode: radio.StationMode})
	w.Clock.RunUntil(clock.At(clock.Second))
	var got [][]byte
	d.Radio.Sniffer.OnFrame(func(b []byte) { got = append(got, b) })
	d.Radio.SetChannel(3)
	for range 2 { // the second time it is on
		if !d.Radio.Sniffer.Enable(true) {
			t.Fatal("not in station mode")
		}
	}
	return w, &got
}

var network = air.Network{SSID: "home", Password: "secret12", BSSID: air.MAC{0x5c, 1, 2, 3, 4, 5}, Channel: 3}

// Data frames come with their headers, in the format that the SDK has for them.
func TestSnifferData(t *testing.T) {
	for _, tt := range []struct {
		name     string
		password string
		second   byte // of the frame, without its direction
		length   int  // of 802.11's frame with an IP packet of 32 bytes
	}{
		{"open", "", 0, 26 + 8 + 32 + 4},
		{"encrypted", "secret12", 0x40, 26 + 8 + 16 + 32 + 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := network
			n.Password = tt.password
			w, got := sniff(t, n)
			d, _ := radioDevice(w, radio.Config{SSID: "home", Password: n.Password, Joined: true})
			w.Clock.RunUntil(clock.At(5 * clock.Second))
			nic := w.Wire.Attach("pc", func(*wire.Packet) {})
			nic.SetPrefix(netip.MustParsePrefix("192.168.1.50/24"))
			*got = nil
			nic.Send(&wire.Packet{Src: nic.Prefix().Addr(), Dst: d.Address(air.StationIf).Addr(), Proto: wire.ICMP, Type: 8, TTL: 64, Payload: []byte("12345678")})
			w.Clock.RunUntil(clock.At(5*clock.Second + 50*clock.Millisecond))
			frames := slices.DeleteFunc(*got, func(b []byte) bool { return len(b) == radio.ManagementLen })
			if len(frames) != 2 {
				t.Fatalf("%d data frames", len(frames))
			}
			station := d.Radio.MAC(air.StationIf)
			for i, want := range []struct {
				way  byte
				macs []air.MAC
			}{
				{0x02, []air.MAC{station, network.BSSID, network.BSSID}}, // to the station, from the router
				{0x01, []air.MAC{network.BSSID, station, network.BSSID}},
			} {
				b := frames[i]
				if len(b) != radio.DataLen {
					t.Fatalf("frame %d has %d bytes", i, len(b))
				}
				var macs []air.MAC
				for at := 16; at < 34; at += 6 {
					macs = append(macs, air.MAC(b[at:]))
				}
				if b[12] != 0x88 || b[13] != want.way|tt.second || !slices.Equal(macs, want.macs) {
					t.Errorf("frame %d: % x", i, b[12:36])
				}
				length := int(binary.LittleEndian.Uint16(b[5:]))
				cnt, each := binary.LittleEndian.Uint16(b[48:]), int(binary.LittleEndian.Uint16(b[50:]))
				if b[1]>>6 != 1 || b[10] != 3 || length != tt.length || cnt != 1 || each != length {
					t.Errorf("frame %d: radio % x, count %d, length %d", i, b[:12], cnt, each)
				}
				if !slices.Equal(b[52:54], b[34:36]) || !slices.Equal(b[54:60], b[28:34]) {
					t.Errorf("frame %d: tail % x", i, b[48:])
				}
			}
		})
	}
}

// A group packet is said once by the station, and once by its access point to all.
func TestSnifferGroup(t *testing.T) {
	w, got := sniff(t, network)
	var first *wire.NIC
	for i := range byte(3) {
		d, _ := radioDevice(w, radio.Config{SSID: "home", Password: network.Password, Joined: true, MAC: air.MAC{0x5c, 0xcf, 0x7f, 0, 0, i + 1}})
		w.Clock.RunUntil(w.Clock.Now().Add(2 * clock.Second))
		if first == nil {
			first = w.Wire.Owner(d.Address(air.StationIf).Addr())
		}
	}
	*got = nil
	first.Send(&wire.Packet{Src: first.Prefix().Addr(), Dst: netip.MustParseAddr("224.0.0.251"), Proto: wire.UDP, SrcPort: 5353, DstPort: 5353})
	w.Clock.RunUntil(w.Clock.Now().Add(20 * clock.Millisecond))
	var heard []string
	for _, b := range *got {
		if len(b) == radio.DataLen {
			heard = append(heard, fmt.Sprintf("%d %x %x %x", b[13]&3, b[16:22], b[22:28], b[28:34]))
		}
	}
	want := []string{"1 5c0102030405 5ccf7f000001 01005e0000fb", "2 01005e0000fb 5c0102030405 5ccf7f000001"}
	if !slices.Equal(heard, want) {
		t.Errorf("got %q, want %q", heard, want)
	}
}

// Behind a short frame and its check sequence stands what the buffer held before.
func TestSnifferBuffers(t *testing.T) {
	w, got := sniff(t, network)
	w.Clock.RunUntil(clock.At(2 * clock.Second)) // beacons in all buffers
	n := len(*got)
	w.Air.Left(air.MAC{2, 2, 2, 2, 2, 2}, network, 8)
	w.Clock.RunUntil(w.Clock.Now().Add(clock.Millisecond))
	if n < 8 || len(*got) != n+1 {
		t.Fatalf("%d and %d frames", n, len(*got)-n)
	}
	b, old := (*got)[n], (*got)[n-6]
	const length = 26
	check := binary.LittleEndian.Uint32(b[12+length:])
	if b[12] != 0xa0 || check != crc32.ChecksumIEEE(b[12:12+length]) || !slices.Equal(b[12+length+4:124], old[12+length+4:124]) {
		t.Errorf("% x", b)
	}
	if got := binary.LittleEndian.Uint16(b[126:]); got != length+4 || binary.LittleEndian.Uint16(b[2:])&0xfff != length+4 {
		t.Errorf("length %d", got)
	}
}

// An access point that goes off is silent, one that comes is heard; with the sniffer off
// the world has nothing to do.
func TestSnifferAir(t *testing.T) {
	w, got := sniff(t)
	beacons := func() int {
		*got = nil
		w.Clock.RunUntil(w.Clock.Now().Add(clock.Second))
		return len(*got)
	}
	if n := beacons(); n != 0 { // open air has a network on channel 6
		t.Errorf("%d beacons on an empty channel", n)
	}
	w.Air.Networks = []air.Network{network}
	if n := beacons(); n < 8 || n > 10 {
		t.Errorf("%d beacons in a second", n)
	}
	w.Air.SetDown(true)
	if n := beacons(); n > 0 {
		t.Errorf("%d beacons of an access point that is off", n)
	}
	ap, _ := radioDevice(w, radio.Config{Blank: true, Mode: radio.APMode})
	w.Clock.RunUntil(w.Clock.Now().Add(clock.Second))
	cfg := ap.Radio.AP.Config()
	cfg.Channel, cfg.Beacon, cfg.Hidden = 3, 200, true
	ap.Radio.AP.Configure(cfg, false)
	if n := beacons(); n < 4 || n > 5 || (*got)[0][12+36+1] != 0 {
		t.Errorf("%d beacons of another device's access point", n)
	}
}

// Modes other than the station's have no sniffer, and it keeps the mode.
func TestSnifferMode(t *testing.T) {
	w := world.New(1)
	d, _ := radioDevice(w, radio.Config{Blank: true, Mode: radio.StationAPMode})
	w.Clock.RunUntil(clock.At(clock.Second))
	r := d.Radio
	if r.Sniffer.Enable(true) || r.Sniffer.On() {
		t.Error("on, with an access point")
	}
	r.SetMode(radio.StationMode, false)
	if !r.Sniffer.Enable(true) || r.Channel() != 1 {
		t.Errorf("off, on channel %d", r.Channel())
	}
	r.SetMode(radio.APMode, true)
	r.SetPhyMode(1)
	if r.Mode() != radio.StationMode || r.DefaultMode() != radio.StationAPMode || r.PhyMode() != 3 {
		t.Errorf("mode %v", r.Mode())
	}
	d.Reset(d.BootReason())
	w.Clock.RunUntil(clock.At(3 * clock.Second))
	if r.Sniffer.On() || w.Air.Heard() {
		t.Error("on after a reset")
	}
}
