package device

import "github.com/nodemcu-sim/nodemcu-sim/world/clock"

// Kind names what happened.
type Kind string

// The kinds of events. Data of an Event has the type named here.
const (
	Boot       Kind = "boot"       // BootData: Lua is about to start
	Reset      Kind = "reset"      // ResetData: the device resets
	Output     Kind = "output"     // OutputData: bytes left the serial port
	Panic      Kind = "panic"      // PanicData: an error nobody caught
	LuaError   Kind = "error"      // ErrorData: an error given to the onerror function, or printed at the prompt
	Memory     Kind = "memory"     // MemoryData: an allocation failed
	PostMortem Kind = "postmortem" // PostMortemData: memory ran out, and who held it
	Callback   Kind = "callback"   // CallbackData: a callback ended
	WiFi       Kind = "wifi"       // WiFiData: station or AP state
	Socket     Kind = "socket"     // SocketData: connection state
	Pin        Kind = "pin"        // PinData: a pin changed
	Hint       Kind = "hint"       // HintData: the program met a quirk that loses data or leaks
	Note       Kind = "note"       // NoteData: the simulator has something to say
)

// Event is one thing that happened on a device.
type Event struct {
	Time   clock.Time `json:"t"`
	Device string     `json:"dev"`
	Kind   Kind       `json:"ev"`
	Data   any        `json:"data,omitempty"`
}

// Data of the events. Sizes are bytes, durations microseconds.
type (
	BootData struct {
		Raw      int    `json:"raw"` // node.bootreason's first two results
		Extended int    `json:"extended"`
		Reason   string `json:"reason"`
	}
	ResetData struct {
		Reason string `json:"reason"`
	}
	OutputData struct {
		Text string `json:"text"`
	}
	PanicData struct {
		Message   string `json:"message"`
		Traceback string `json:"traceback,omitempty"`
		Where     string `json:"where,omitempty"` // what was being called
	}
	ErrorData struct {
		Message string `json:"message"`
		Where   string `json:"where,omitempty"`
	}
	MemoryData struct {
		Request int `json:"request"`
		Free    int `json:"free"`
	}
	CallbackData struct {
		What string         `json:"what"`
		CPU  clock.Duration `json:"cpu"`
	}
	WiFiData struct {
		Mode  string `json:"mode"` // "sta" or "ap"
		State string `json:"state"`
		IP    string `json:"ip,omitempty"`
	}
	SocketData struct {
		ID     int    `json:"id"`
		State  string `json:"state"`
		Local  string `json:"local,omitempty"`
		Remote string `json:"remote,omitempty"`
	}
	PinData struct {
		Pin   int    `json:"pin"`
		Level int    `json:"level"`
		By    string `json:"by"` // "program" or "outside"
	}
	HintData struct {
		Text  string `json:"text"`
		Where string `json:"where,omitempty"`
	}
	NoteData struct {
		Text string `json:"text"`
	}
)

// Emit tells the subscribers that something happened, at the device's own time.
func (d *Device) Emit(k Kind, data any) {
	if len(d.world.subscribers) == 0 {
		return
	}
	e := Event{Time: d.Now(), Device: d.Name, Kind: k, Data: data}
	for _, fn := range d.world.subscribers {
		fn(e)
	}
}
