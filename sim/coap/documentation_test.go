package coap_test

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The page's examples (fw: docs/modules/coap.md). At 192.168.1.20 somebody writes down what
// the device sends, without ids, and asks the device for two things after a second.
// coap_test.go asks with a library.
func TestDocumentation(t *testing.T) {
	const home = `"coap://192.168.1.20:5683/`
	docpage.Page{
		Module: "coap", Objects: map[string]string{"coap.client": "coap_client", "coap.server": "coap_server"},
		Around: func(t testing.TB, x *chiptest.Lab) {
			u, err := docpage.Host(x, "192.168.1.20").ListenUDP(5683)
			if err != nil {
				t.Fatal(err)
			}
			u.OnData = func(data []byte, from netip.AddrPort) {
				x.Log.WriteString("peer got " + hex.EncodeToString(data[:2]) + " " + hex.EncodeToString(data[4:]) + "\n")
			}
			for i, ask := range []string{"\x40\x01\x00\x01\xb2v1\x01v\x03lux", "\x40\x02\x00\x02\xb2v1\x01f\x04ring\xfftwice"} {
				x.Clock.After(clock.Second+clock.Duration(i)*clock.Second/10, func() {
					u.SendTo([]byte(ask), netip.MustParseAddrPort("192.168.1.10:5683"))
				})
			}
		},
		Examples: []docpage.Example{
			// Of an answer the page says that it is printed. Nothing is.
			{Of: "coap.Client(), coap.client:get(), coap.client:post()", What: "example", Lua: `
				cc = coap.Client() print((cc:get(coap.NON, ` + home + `.well-known/core"))) print((cc:post(coap.NON, ` + home + `", "Hello")))`,
				Want: "nil\nnil\npeer got 5401 6e6f64653c3139322e3136382e312e32308b2e77656c6c2d6b6e6f776e04636f7265\npeer got 5402 6e6f64653c3139322e3136382e312e3230ff48656c6c6f"},
			{Of: "coap.client:get()", What: "without a type it is confirmable, and repeated four times", For: 90 * clock.Second, Lua: `cc = coap.Client() cc:get(` + home + `v1/v/myvar")`,
				Want: strings.Repeat("peer got 4401 6e6f64653c3139322e3136382e312e32308276310176056d79766172\n", 5) +
					"hint: coap gives a request to 192.168.1.20:5683 up: there was no answer. Nothing tells the program"},
			{Of: "coap.client:put(), coap.client:delete()", What: "with a type, with and without a payload", Lua: `
				cc = coap.Client() print((cc:put(coap.NON, ` + home + `lamp", "on"))) print((cc:delete(coap.NON, ` + home + `lamp")))`,
				Want: "nil\nnil\npeer got 5403 6e6f64653c3139322e3136382e312e3230846c616d70ff6f6e\npeer got 5404 6e6f64653c3139322e3136382e312e3230846c616d70"},
			{Of: "coap.Server(), coap.server:listen(), coap.server:var(), coap.server:func()", What: "example", Lua: `
				cs = coap.Server() print((cs:listen(5683)))
				lux = 120 print((cs:var("lux")))
				list = "[1,2,3]" cs:var("list", coap.JSON)
				function ring(payload) print("ring", payload) return "ding" end
				print((cs:func("ring")))`,
				Want: "nil\nnil\nnil\npeer got 6045 c20000ff313230\nring\ttwice\npeer got 6045 c20000ff64696e67"},
			{Of: "coap.server:func()", What: "with a content type", Lua: `
				cs = coap.Server() cs:listen(5683) function ring(payload) return "{}" end cs:func("ring", coap.JSON)`,
				Want: "peer got 6045 c20000\npeer got 6045 c20000ff7b7d"},
			{Of: "coap.server:listen(), coap.server:close()", What: "at an address; closed it answers nothing", Lua: `
				cs = coap.Server() cs:listen(5683, "192.168.1.10") lux = 1 cs:var("lux") print((cs:close()))`,
				Want: "hint: coap's server:listen ignores the address: it listens on all the device has\nnil"},
		},
	}.Run(t)
}
