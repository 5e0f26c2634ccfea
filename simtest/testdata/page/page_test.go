package app_test

import (
	"io"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/simtest"
)

func TestStatusPage(t *testing.T) {
	d := simtest.Boot(t, "app", simtest.Board("d1-mini"), simtest.Link("latency=40ms,loss=1%"))
	r, err := d.HTTP().Get("http://device/status") // waits until the device has booted and listens
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if body, err := io.ReadAll(r.Body); err != nil || string(body) != "ok" {
		t.Errorf("%q, %v", body, err)
	}
	d.WiFiDown()
	d.Expect("offline")
	d.Advance(time.Hour)
	if m := d.Heap(); m.Low < 8000 || len(m.Leaks) > 0 {
		t.Errorf("%+v", m)
	}
}
