// Package udpecho tests the example udp-echo through the gateway.
package udpecho

import (
	"bytes"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestEcho(t *testing.T) {
	a, err := app.New(app.Options{Dir: ".", Publish: []string{"0:7777/udp"}, Net: "isolated"})
	if err != nil {
		t.Fatal(err)
	}
	var failed []any
	a.World.Subscribe(func(e world.Event) {
		switch e.Data.(type) {
		case event.Panic, event.LuaError:
			failed = append(failed, e.Data)
		}
	})
	a.Device.PowerOn()
	a.World.Clock.RunUntil(clock.At(10 * clock.Second)) // until it has an address
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.World.Clock.Run(clock.Forever, false)
	}()
	defer func() {
		a.World.Clock.Stop()
		<-done
		a.Close()
		if len(failed) > 0 {
			t.Errorf("the device failed: %+v", failed)
		}
	}()
	conn, err := net.Dial("udp", regexp.MustCompile(`127.0.0.1:\d+`).FindString(strings.Join(a.Published(), "\n")))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, n := range []int{1, 100, 1472} { // the largest that needs no fragments
		want := bytes.Repeat([]byte{byte(n)}, n)
		if _, err := conn.Write(want); err != nil {
			t.Fatal(err)
		}
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		got := make([]byte, 2000)
		if m, err := conn.Read(got); err != nil || !bytes.Equal(got[:m], want) {
			t.Errorf("%d bytes: %d came back, error %v", n, m, err)
		}
	}
}
