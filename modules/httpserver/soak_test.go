//go:build soak

package httpserver_test

import "testing"

// A million requests leave the host with what it had.
func TestSoakRequests(t *testing.T) {
	if n := serveMany(t, 1e6); n > 4<<20 {
		t.Errorf("the host holds %d bytes more after 900,000 requests", n)
	}
}
