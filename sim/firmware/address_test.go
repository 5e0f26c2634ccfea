package firmware

import (
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
)

// everything prints what the modules have and what they make, as tostring shows it.
const everything = `
local function show(prefix, t)
	for k, v in pairs(t) do
		print(prefix .. tostring(k), tostring(v))
		if type(v) == "table" and v ~= t then show(prefix .. tostring(k) .. ".", v) end
	end
end
for _, name in ipairs{"adc", "bit", "encoder", "file", "gpio", "mdns", "net", "node", "pipe", "rtcmem", "sjson", "tmr", "uart", "wifi", "string", "table", "coroutine", "debug", "math"} do
	print(name, _G[name])
	show(name .. ".", _G[name])
end
local p = pipe.create(print)
print(p, p[1], sjson.encoder{}, sjson.decoder(), sjson.decode("[null]")[1], tmr.create(), net.createConnection(), net.createServer(), net.createUDPSocket())
print(file.open("f", "w"), coroutine.create(function() end), function() end, {}, newproxy and newproxy(), print)
print(pcall(error, {}))
`

// The addresses that programs see are the chip's, the same in each run: in its RAM, or in
// the flash.
func TestAddressesAreTheDevices(t *testing.T) {
	run := func() string {
		return terminal.New(t, map[string]string{"a.lua": everything}, simulated...).Run(`dofile("a.lua")`)
	}
	first := run()
	if second := run(); first != second {
		t.Errorf("%s\nthen\n%s", first, second)
	}
	addresses := regexp.MustCompile(`0x[0-9a-fA-F]+`).FindAllString(first, -1)
	if len(addresses) < 200 || strings.Contains(first, "Lua error") {
		t.Errorf("%d addresses in\n%s", len(addresses), first)
	}
	for _, a := range addresses {
		if !regexp.MustCompile(`^0x(3fff|402)[0-9a-f]{4,5}$`).MatchString(a) {
			t.Errorf("%s is no address of the chip", a)
		}
	}
}
