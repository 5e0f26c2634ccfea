package radio

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
)

// What the SDK hands to the program's callback (SDK: struct RxControl, sniffer_buf2,
// sniffer_buf). Source: ESP8266 Technical Reference, Sniffer Introduction.
const (
	RxControlLen  = 12
	ManagementLen = 128 // of a management frame: 112 bytes of it
	DataLen       = 60  // of another frame: 36 bytes of it

	managementRoom = 112
	dataRoom       = 36
)

const (
	// sniffBuffers is how many frames the driver has room for.
	sniffBuffers = 6
	// sniffQueue is how many frames may wait for the CPU. Assumed.
	sniffQueue = 32
	// mcs7 is the modulation of data frames, by which airtime counts, too.
	mcs7 = 7
)

// Sniffer is the SDK's promiscuous mode: the program gets the frames on a channel, while
// station and access point are off. It works in station mode only.
//
// A frame lies in one of the driver's buffers, on top of what was in it: the callback gets
// a fixed number of bytes, and behind a short frame and its check sequence those that an
// older one has left. That the buffers take turns, and hold zeros at first, is assumed.
type Sniffer struct {
	r       *Radio
	on      bool
	got     func([]byte)
	buffers [sniffBuffers][managementRoom]byte
	turn    int
	waiting int
}

// On reports whether it is on.
func (s *Sniffer) On() bool { return s.on }

// OnFrame sets the function that gets the frames (SDK: wifi_set_promiscuous_rx_cb). Their
// bytes are its own.
func (s *Sniffer) OnFrame(fn func([]byte)) { s.got = fn }

// Enable switches it on or off (SDK: wifi_promiscuous_enable). Going on disconnects the
// station. It reports false, and does nothing, in other modes than the station's.
func (s *Sniffer) Enable(on bool) bool {
	switch {
	case s.r.mode != StationMode || s.r.cfg.Wired.IsValid():
		return false
	case on && !s.on:
		s.r.Station.Disconnect()
		s.on = true
		s.r.air.Listen(s.r, s)
		s.r.show(air.StationIf, "monitoring")
	case !on && s.on:
		s.off()
		s.r.show(air.StationIf, "monitoring no more")
	}
	return true
}

func (s *Sniffer) off() {
	if s.on {
		s.on = false
		s.r.air.Unlisten(s)
	}
}

// SetChannel sets the channel that the radio is on (SDK: wifi_set_channel).
func (r *Radio) SetChannel(channel int) {
	if r.tuned != channel {
		r.tuned = channel
		r.air.Retuned(r.Sniffer)
	}
}

// Tuned, Asked and Hear are what the air knows of one who listens: see air.Listener.
func (s *Sniffer) Tuned() int      { return s.r.Channel() }
func (s *Sniffer) Asked() air.Join { return s.r.config }

// Hear takes a frame: the SDK keeps it in the heap until the CPU has time for it.
func (s *Sniffer) Hear(f air.Frame) {
	if s.waiting >= sniffQueue {
		return
	}
	frame := s.frame(f)
	block, ok := s.r.host.Malloc(len(frame), heap.WiFi)
	if !ok {
		return
	}
	s.waiting++
	s.r.host.Received(func() {
		s.waiting--
		if s.got != nil {
			s.got(frame)
		}
		s.r.host.Free(&block, heap.WiFi)
	})
}

// frame is what the callback gets of a frame.
func (s *Sniffer) frame(f air.Frame) []byte {
	received := f.Data
	if f.Length == len(f.Data)+4 {
		received = binary.LittleEndian.AppendUint32(append([]byte(nil), f.Data...), crc32.ChecksumIEEE(f.Data))
	}
	buffer := &s.buffers[s.turn]
	s.turn = (s.turn + 1) % sniffBuffers
	copy(buffer[:], received)

	out := s.rxControl(f)
	if f.Data[0]&0xf == 0 {
		out = append(out, buffer[:managementRoom]...)
		return binary.LittleEndian.AppendUint32(out, 1|uint32(f.Length)<<16)
	}
	out = append(out, buffer[:dataRoom]...)
	out = binary.LittleEndian.AppendUint32(out, 1|uint32(f.Length)<<16)
	out = append(out, buffer[22:24]...)  // sequence control
	return append(out, buffer[16:22]...) // the third address
}

// rxControl is the header that the receiver adds. Which of its own addresses a frame is
// for, and the state at the frame's end, it leaves 0: assumed.
func (s *Sniffer) rxControl(f air.Frame) []byte {
	h := make([]byte, RxControlLen, ManagementLen)
	h[0] = byte(int8(max(f.RSSI+s.r.flutter(), -128)))
	if f.Data[4]&1 != 0 {
		h[1] |= 1 << 4 // for a group
	}
	length := uint16(f.Length)
	if f.HT {
		h[1] |= 1 << 6
		h[4] = mcs7
		binary.LittleEndian.PutUint16(h[5:], length)
	} else {
		binary.LittleEndian.PutUint16(h[2:], length&0xfff) // at 1 Mbit/s: rate 0
	}
	h[10] = byte(f.Channel & 0xf)
	return h
}
