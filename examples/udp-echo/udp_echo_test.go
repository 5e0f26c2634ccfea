// Package udpecho tests the example udp-echo.
package udpecho

import (
	"bytes"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/simtest"
)

func TestEcho(t *testing.T) {
	d := simtest.Boot(t, ".")
	conn, err := d.DialUDP(7777)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 100, 1472} { // the largest that needs no fragments
		want := bytes.Repeat([]byte{byte(n)}, n)
		if _, err := conn.Write(want); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 2000)
		if m, err := conn.Read(got); err != nil || !bytes.Equal(got[:m], want) {
			t.Errorf("%d bytes: %d came back, error %v", n, m, err)
		}
	}
}
