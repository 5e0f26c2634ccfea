package simtest_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/simtest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// start is Boot for examples, which have no testing.T: in a test it is
//
//	d := simtest.Boot(t, "app", …)
func start(dir string, opts ...simtest.Option) *simtest.Device {
	d, err := simtest.New(dir, opts...)
	if err != nil {
		log.Fatal(err)
	}
	return d
}

// A web server is asked. It lives in virtual time: the request may come before the device
// has booted, and an hour takes no time.
func Example() {
	d := start("../examples/hello-http", simtest.Board("nodemcu-v1"))
	defer d.Close()
	client := d.HTTP()
	r, err := client.Post("http://device/", "text/plain", strings.NewReader("there and back"))
	if err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	fmt.Println(r.Status, string(body), err)

	d.Advance(time.Hour)
	r, err = client.Get("http://device/nowhere")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Status, d.Elapsed().Truncate(time.Minute))
	// Output:
	// 200 OK there and back <nil>
	// 404 Not Found 1h0m0s
}

func ExampleDevice_Expect() {
	d := start("", simtest.Files(map[string]string{"init.lua": `
		tmr.create():alarm(1000, tmr.ALARM_AUTO, function() n = (n or 0) + 1 print("tick", n) end)`}))
	defer d.Close()
	d.Expect("tick\t1\n")
	fmt.Printf("%q\n", d.Expect("tick\t2"))
	fmt.Printf("%q\n", d.ExpectMatch(`^tick\s+([3-9])$`))
	// Output:
	// "tick\t2"
	// ["tick\t3" "3"]
}

func ExampleDevice_Lua() {
	d := start("", simtest.NoInit(), simtest.Files(map[string]string{"greet.lua": "return function(s) return 'hello ' .. s end"}))
	defer d.Close()
	fmt.Println(d.Lua(`dofile("greet.lua")("world")`))
	d.Lua("x = 6 * 7")
	fmt.Println(d.Lua("x, type(x)"))
	// Output:
	// hello world
	// 42	number
}

func ExampleDevice_Press() {
	d := start("", simtest.Files(map[string]string{"init.lua": `
		gpio.mode(3, gpio.INT, gpio.PULLUP)
		gpio.trig(3, "down", function() gpio.mode(0, gpio.OUTPUT) gpio.write(0, gpio.LOW) end)`}))
	defer d.Close()
	d.Advance(time.Second)
	fmt.Println(d.Part("board").State)
	d.Press("FLASH")
	d.Advance(10 * time.Millisecond)
	d.Release("FLASH")
	fmt.Println(d.Part("board").State, d.Pin(0).Level())
	// Output:
	// off
	// lit 0
}

func ExampleDevice_ServeHTTP() {
	d := start("", simtest.Modules("+http"), simtest.Files(map[string]string{"init.lua": `
		wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
		  http.get("http://weather.example.com/now", nil, function(code, body) print(code, body) end)
		end)`}))
	defer d.Close()
	weather := d.Peer("93.184.216.34")
	d.DNS("weather.example.com", "93.184.216.34")
	d.ServeHTTP(weather, 80, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "rain")
	}))
	fmt.Println(d.ExpectMatch(`(200)\s+(.*)$`)[1:])
	// Output:
	// [200 rain]
}

func ExampleDevice_Together() {
	d := start("../examples/hello-http")
	defer d.Close()
	client := d.HTTP()
	get := func(path string) func() {
		return func() {
			r, err := client.Get("http://device" + path)
			if err != nil {
				log.Fatal(err)
			}
			io.ReadAll(r.Body)
			fmt.Println(path, r.StatusCode)
		}
	}
	d.Together(get("/"), get("/json"), get("/nowhere"))
	// Unordered output:
	// / 200
	// /json 200
	// /nowhere 404
}

func ExampleDevice_Heap() {
	d := start("../examples/hello-http", simtest.CPU("host"))
	defer d.Close()
	client := d.HTTP()
	free := func() int {
		r, err := client.Get("http://device/json")
		if err != nil {
			log.Fatal(err)
		}
		io.ReadAll(r.Body)
		d.Advance(15 * time.Second) // until the connection is out of TIME_WAIT
		return d.Heap().Free
	}
	before := free()
	for range 100 {
		free()
	}
	const slack = 500 // bytes: numbers that became longer as text, and the like
	fmt.Println("a hundred requests keep something:", before-free() > slack)
	fmt.Println("leaks:", len(d.Heap().Leaks))
	// Output:
	// a hundred requests keep something: false
	// leaks: 0
}

func ExampleDevice_ExpectError() {
	d := start("", simtest.Files(map[string]string{"init.lua": "print('begin')\nerror('no configuration')"}))
	defer d.Close()
	d.ExpectError("init.lua:2: no configuration")
	d.Advance(time.Second)
	fmt.Println(len(d.Errors()), d.Err())
	// Output:
	// 1 <nil>
}

func ExampleDevice_Events() {
	d := start("../examples/blink")
	defer d.Close()
	edges := 0
	d.Events(func(e world.Event) {
		if pin, ok := e.Data.(event.Pin); ok && pin.Pin == 4 {
			edges++
		}
	})
	d.Advance(time.Minute)
	fmt.Println("more than a hundred edges:", edges > 100)
	// Output:
	// more than a hundred edges: true
}
