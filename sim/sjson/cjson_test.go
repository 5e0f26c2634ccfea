package sjson

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
)

func TestCJSON(t *testing.T) {
	x := terminal.New(t, nil, CJSON)
	for lua, want := range map[string]string{
		`print(cjson.encode({key = "value"}))`:          `{"key":"value"}`,
		`print(cjson.decode('{"key":"value"}').key)`:    "value",
		`print(cjson.encoder, sjson)`:                   "nil\tnil",
		`print((pcall(cjson.decode, "{")))`:             "false",
		`print(#cjson.encode(cjson.decode("[1,2,3]")))`: "7",
	} {
		if got := x.Run(lua); got != want {
			t.Errorf("%s: %q, want %q", lua, got, want)
		}
	}
}
