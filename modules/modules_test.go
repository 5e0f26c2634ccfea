package modules

import (
	"slices"
	"strings"
	"testing"
)

func TestSource(t *testing.T) {
	if got, want := Names(), []string{"fifosock", "httpserver"}; !slices.Equal(got, want) {
		t.Errorf("Names() = %q, want %q", got, want)
	}
	for _, name := range append(Names(), "httpserver_request", "httpserver_response") {
		src, ok := Source(name)
		if !ok || !strings.HasPrefix(string(src), "-- "+name+":") {
			t.Errorf("Source(%q) = %.20q, %v", name, src, ok)
		}
	}
	for _, name := range []string{"", ".", "..", "http", "httpserver/httpserver", "../modules", "httpserver.lua", "httpserver_", "httpserver_none", "_httpserver", "httpserver_/httpserver", "a\x00b"} {
		if src, ok := Source(name); ok {
			t.Errorf("Source(%q) = %.20q, want none", name, src)
		}
	}
}
