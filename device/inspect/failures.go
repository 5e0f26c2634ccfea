package inspect

import "fmt"

// Modules that speak a protocol tell a program why something failed by a number, and what
// the number means stands in the firmware's sources. Here all of them stand in words, with
// what to look at first. No module has words of its own beside them.

// Cause tells apart what a module gives the same code for. The zero value is the code's
// general meaning.
type Cause string

// The causes.
const (
	// Of modules that make connections.
	NoName       Cause = "no name"
	NoConnection Cause = "no connection"
	Reset        Cause = "reset"
	Unreachable  Cause = "unreachable"
	Unheard      Cause = "unheard"
	Aborted      Cause = "aborted"
	TLS          Cause = "TLS"

	// http -1.
	NoAnswer     Cause = "no answer"
	EndedEmpty   Cause = "ended empty"
	NoHTTP       Cause = "no HTTP"
	TooLong      Cause = "too long"
	NoMemory     Cause = "no memory"
	Redirections Cause = "redirections"
	CutLocation  Cause = "cut Location"
	StatusLine   Cause = "status line"

	// mqtt -1 and -3.
	NoConnect Cause = "no CONNECT"
	ManyNames Cause = "many names"

	// sntp 4.
	Unsynchronized Cause = "unsynchronized"
	Denied         Cause = "denied"
	Foreign        Cause = "foreign"
)

// What an error of TCP means, whichever module tells of it.
const (
	tcpReset       = "refused or reset by the server. Does it listen at this address and port, and does the program use TLS exactly where it does?"
	tcpUnreachable = "nobody answers at this address, or the device's own is gone"
	tcpUnheard     = "data was not acknowledged"
	tcpAborted     = "aborted"
	tlsFailed      = "TLS failed, as an earlier hint says in words"
	noAddress      = "the name has no address (7 s without an answer that has one)"
)

// failure is a code with what it was given for.
type failure struct {
	code  int
	cause Cause
}

// failures are the codes of one module.
type failures struct {
	name  string             // how the log calls what gets the code
	words map[failure]string // what each means; %q, %d for what Failed is given besides
	other string             // what one means that is not among them
}

// failureCodes are the codes by module (oracle: mqtt-behaviour.md 3, http-behaviour.md 6,
// websocket-behaviour.md, sntp-behaviour.md; fw: app/modules/mqtt.c,
// app/websocket/websocketclient.c, app/modules/sntp.c).
var failureCodes = map[string]failures{
	"mqtt": {"connfail", map[failure]string{
		{code: -5}: "nothing listens at that address and port, nobody answers, the connection was reset, or TLS failed. Is the broker running, and does it listen for other computers, too?",
		{code: -4}: "the server's first packet is no CONNACK: it is no MQTT broker, or wants TLS or WebSocket at this port",
		{code: -3}: "the name has no address, or no connection could be begun: the device has no address of its own, it has five connections, or connect() was called twice",
		{code: -2}: "the broker took CONNECT and has not answered for 5 s",
		{code: -1}: "CONNECT was not delivered within 5 s, or could not be made: no client id, or more than 1460 bytes",

		{-5, Reset}:        tcpReset + " As Debian installs it, mosquitto on another computer listens for that one only",
		{-5, Unreachable}:  tcpUnreachable,
		{-5, Unheard}:      tcpUnheard,
		{-5, Aborted}:      tcpAborted,
		{-5, TLS}:          tlsFailed,
		{-3, NoName}:       "%q: " + noAddress,
		{-3, NoConnection}: "no connection could be begun (espconn_connect says %d; -4: the device has no address of its own, -7: it has five connections, -15: connect() was called twice. Behind connfail comes offline, where there was a connection: let both start one and the same timer)",
		{-3, ManyNames}:    "four names are being looked up already",
		{-1, NoConnect}:    "CONNECT can't be made, without a client id or with more than 1460 bytes, so nothing is sent",

		{code: 1}: "the broker does not speak this version of MQTT, 3.1.1",
		{code: 2}: "the broker does not like the client id",
		{code: 3}: "the broker is there, and says that its service is not available",
		{code: 4}: "the broker says that user name or password is wrong",
		{code: 5}: "the broker does not let this client in: it may want a user name and a password (mosquitto 2 lets nobody in without allow_anonymous true or a password_file)",
	}, "the broker refuses with a code that MQTT 3.1.1 does not have"},
	"http": {"code", map[failure]string{
		{code: -1}: "no answer that http can read: the name has no address, no connection, none with TLS, none within 60 s, or more than 8191 bytes. What it was stands on the serial port, \"HTTP client: …\"",

		{-1, NoName}:       "%q: " + noAddress,
		{-1, NoConnection}: "no connection can be made (espconn_connect says %d), which the module notices only after its 60 s",
		{-1, NoAnswer}:     "the server has not answered for 60 s",
		{-1, EndedEmpty}:   "the connection ended without an answer",
		{-1, NoHTTP}:       "the answer does not begin with HTTP/1.0 or HTTP/1.1",
		{-1, TooLong}:      "the answer is longer than %d bytes, head and body, which is the module's limit: use net",
		{-1, NoMemory}:     "there is no memory for %d bytes of answer",
		{-1, Redirections}: "%d redirections were followed",
		{-1, CutLocation}:  "the Location header is cut",
		{-1, StatusLine}:   "that is the number in the server's status line",
		{-1, Reset}:        "the connection failed (-9): " + tcpReset,
		{-1, Unreachable}:  "the connection failed (-11): " + tcpUnreachable,
		{-1, Unheard}:      "the connection failed (-3): " + tcpUnheard,
		{-1, Aborted}:      "the connection failed (-8): " + tcpAborted,
		{-1, TLS}:          tlsFailed,
	}, "the number in the server's status line"},
	"websocket": {"close", map[failure]string{
		{code: -1}:   "the URL does not begin with ws:// or wss://",
		{code: -2}:   "the host name is longer than 255 bytes",
		{code: -3}:   "the port is not between 1 and 65535",
		{code: -4}:   "the URL has no host",
		{code: -5}:   noAddress,
		{code: -6}:   "the server has sent a close frame",
		{code: -7}:   "the server's answer has the wrong key, or did not come in one segment",
		{code: -8}:   "no memory to put a frame together",
		{code: -9}:   "no memory for a part of a frame",
		{code: -10}:  "no memory for a fragment",
		{code: -11}:  "no memory for a further fragment, or a cut header behind a fragmented message",
		{code: -12}:  "no memory to put fragments together",
		{code: -13}:  "no memory for a frame's data",
		{code: -14}:  "no memory for the rest of a segment",
		{code: -15}:  "a continuation without a first fragment",
		{code: -16}:  "no memory for a frame to be sent",
		{code: -17}:  "the server's answer is not \"HTTP/1.1 101\": it speaks no websocket at this path, or redirects",
		{code: -18}:  "no connection within 10 s: no answer from the server, no TLS with it, or wss:// in a build without TLS. The TCP connection is forgotten, not closed",
		{code: -19}:  "pings were not answered",
		{code: -99}:  "closed, by the end of the server's connection or by the program",
		{code: -100}: "the client was never closed, so its close handler is called when it is collected, with the code as the only argument",
		{code: -103}: "TCP: " + tcpUnheard,
		{code: -108}: "TCP: " + tcpAborted,
		{code: -109}: "TCP: " + tcpReset,
		{code: -111}: "TCP: " + tcpUnreachable,
	}, "100 below an error of TCP or TLS"},
	"sntp": {"error", map[failure]string{
		{code: 1}: "none of the servers has an address; this names %q. --date, or sim.date of a test, puts a time server into the simulated network",
		{code: 2}: "no memory, or no UDP socket",
		{code: 3}: "the request could not be sent. The firmware has a number for that and never gives it",
		{code: 4}: "no server has answered within 1 s. Is there a way out, and does it let UDP port 123 through? --date, or sim.date of a test, puts a time server into the simulated network",

		{4, Unsynchronized}: "the server answers that its own clock is not synchronized",
		{4, Denied}:         "the server refuses to answer (DENY)",
		{4, Foreign}:        "what came is no answer to the request: from another address, too short or too late",
	}, "a code that the firmware does not have"},
}

// Failed explains the code that a callback of a module is given for a failure: once a boot
// for each cause. of names what failed, as "mqtt client 1"; details are what the words of
// the cause ask for.
func (h *Hints) Failed(module, of string, code int, cause Cause, details ...any) {
	f := failureCodes[module]
	why, ok := f.words[failure{code, cause}]
	if !ok {
		if cause != "" {
			panic(fmt.Sprintf("inspect: no words for %s %d, %s", module, code, cause))
		}
		why = f.other
	}
	h.Once(fmt.Sprintf("%s %d %s", module, code, cause), "%s: %s %d: %s", of, f.name, code, fmt.Sprintf(why, details...))
}
