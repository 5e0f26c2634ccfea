// Package endusersetup is the firmware module enduser_setup: an open access point with a
// captive portal, in which somebody picks a network and types its password (fw:
// docs/modules/enduser-setup.md, app/modules/enduser_setup.c).
//
//	enduser_setup.start([ap_name,] [onConnected [, onError(code, text) [, onDebug]]])
//	enduser_setup.stop()
//	enduser_setup.manual([on])      returns the state
//
// start scans, and when that is over opens the access point on the channel of the strongest
// network. From the first moment on, any DNS query is answered with the access point's
// address, and any page other than the portal's with a redirect to it. Every 3 s it looks
// whether the station has an address; then onConnected is called, and 10 s later
// everything ends. In manual mode there is no scan, the program opens the access point,
// and ends everything itself.
//
// The page is enduser_setup.html.gz or enduser_setup.html from flash, or one that is built
// in. That of the firmware is not ours to copy: the one here does the same, and has its
// length. Other paths: /aplist the networks around as JSON, /status and /status.json the
// state, /update?wifi_ssid=…&wifi_password=… and POST /setwifi the choice, of which the
// latter also writes all fields of its form to eus_params.lua.
//
// # What surprises, and is kept
//
//   - onDebug is never called, and onError never for what ends the portal: a second start,
//     port 80 in use, a DNS query before the access point is up.
//   - The callbacks are never released: each start leaves those of the one before in memory.
//   - A station that has an address already when start is called succeeds at once.
//   - If the network is on another channel than the access point, the station is
//     disconnected again so that the client hears of the success. onConnected comes with
//     the end, before the station has connected once more: wifi.sta.getip() is nil in it.
//   - In manual mode the access point's channel is taken to be 1; if the network is on
//     another one, the program's access point is replaced by one of the module's own name.
//   - stop() in onConnected calls onConnected again, until the stack is used up.
//   - A page of less than 2920 bytes with its head is followed by the memory behind it.
//   - The page's memory is freed when a client has got it all: another one that is loading
//     it is reset.
//   - An empty value in the form (the password of an open network) makes the firmware
//     write from an address that it has not set: here it crashes. Values are not escaped in
//     eus_params.lua.
//   - Data that comes on a connection that waits for /aplist is offered to the module again
//     every 125 ms, with an onError each time.
//   - A client that waits for /aplist and resets its connection crashes the device.
package endusersetup
