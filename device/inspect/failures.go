package inspect

import "fmt"

// Modules that speak a protocol tell a program why something failed by a number, and what
// the number means stands in the firmware's sources. Here all of them stand in words, with
// what to look at first.

// failures are the codes of one module.
type failures struct {
	name  string         // how the log calls what gets the code
	words map[int]string // what each means
	other string         // what one means that is not among them
}

// failureCodes are the codes by module (oracle: mqtt-behaviour.md 3, http-behaviour.md 6,
// websocket-behaviour.md, sntp-behaviour.md; fw: app/modules/mqtt.c,
// app/websocket/websocketclient.c, app/modules/sntp.c).
var failureCodes = map[string]failures{
	"mqtt": {"connfail", map[int]string{
		-5: "nothing listens at that address and port, nobody answers, or the connection was reset. Is the broker running, and does it listen for other computers, too?",
		-4: "the server's first packet is no CONNACK: it is no MQTT broker, or wants TLS or WebSocket at this port",
		-3: "the name has no address, or no connection could be begun: the device has no address of its own, it has five connections, or connect() was called twice",
		-2: "the broker took CONNECT and has not answered for 5 s",
		-1: "CONNECT was not delivered within 5 s, or could not be made: no client id, or more than 1460 bytes",
		1:  "the broker does not speak this version of MQTT, 3.1.1",
		2:  "the broker does not like the client id",
		3:  "the broker is there, and says that its service is not available",
		4:  "the broker says that user name or password is wrong",
		5:  "the broker does not let this client in: it may want a user name and a password (mosquitto 2 lets nobody in without allow_anonymous true or a password_file)",
	}, "the broker refuses with a code that MQTT 3.1.1 does not have"},
	"http": {"code", map[int]string{
		-1: "no answer that http can read: the name has no address, no connection, none within 60 s, or more than 8191 bytes. What it was stands on the serial port, \"HTTP client: …\"",
	}, "the number in the server's status line"},
	"websocket": {"close", map[int]string{
		-1:   "the URL does not begin with ws:// or wss://",
		-2:   "the host name is longer than 255 bytes",
		-3:   "the port is not between 1 and 65535",
		-4:   "the URL has no host",
		-5:   "the name has no address (7 s without an answer that has one)",
		-6:   "the server has sent a close frame",
		-7:   "the server's answer has the wrong key, or did not come in one segment",
		-8:   "no memory to put a frame together",
		-9:   "no memory for a part of a frame",
		-10:  "no memory for a fragment",
		-11:  "no memory for a further fragment, or a cut header behind a fragmented message",
		-12:  "no memory to put fragments together",
		-13:  "no memory for a frame's data",
		-14:  "no memory for the rest of a segment",
		-15:  "a continuation without a first fragment",
		-16:  "no memory for a frame to be sent",
		-17:  "the server's answer is not \"HTTP/1.1 101\": it speaks no websocket at this path, or redirects",
		-18:  "no connection within 10 s: no answer from the server, or wss:// in a build without TLS. The TCP connection is forgotten, not closed",
		-19:  "pings were not answered",
		-99:  "closed, by the end of the server's connection or by the program",
		-100: "the client was never closed and is collected; the code is the only argument",
		-103: "TCP: data was not acknowledged",
		-108: "TCP: aborted",
		-109: "TCP: refused or reset by the server. Does it listen at this address and port?",
		-111: "TCP: nobody answers at this address, or the device's own is gone",
	}, "100 below an error of TCP"},
	"sntp": {"error", map[int]string{
		1: "the name has no address",
		2: "no memory, or no UDP socket",
		3: "the request could not be sent: the device has no address of its own",
		4: "no server gave an answer that could be used. Is there a way out, and does it let UDP port 123 through?",
	}, "a code that the firmware does not have"},
}

// Failed explains the code that a callback of a module is given for a failure: once a boot
// for each. of names what failed, as "mqtt client 1". why is said instead of the general
// explanation where the module knows better, and then once for each reason.
func (h *Hints) Failed(module, of string, code int, why string) {
	f := failureCodes[module]
	key := fmt.Sprintf("%s %d", module, code)
	if why != "" {
		key += "\x00" + why
	} else if why = f.words[code]; why == "" {
		why = f.other
	}
	h.Once(key, "%s: %s %d: %s", of, f.name, code, why)
}
