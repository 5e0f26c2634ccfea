package wifi_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The page's examples (fw: docs/modules/wifi.md), on a device that knows no network, in a
// room with "home", "cafe" and the hidden "attic". A phone joins "island", if there is one.
func TestDocumentation(t *testing.T) {
	const station = `wifi.setmode(wifi.STATION) `
	const home = station + `wifi.sta.config({ssid = "home", pwd = "secret99"}) `
	const island = `wifi.setmode(wifi.SOFTAP) wifi.ap.config({ssid = "island", pwd = "12345678"}) `
	const first = `if node.bootreason() ~= 1 then return end `
	const unavailable = "\n The option \"PMSLEEP_ENABLE\" in \"app/include/user_config.h\" was disabled during FW build!\nfalse\twifi.suspend is unavailable\n"
	docpage.Page{
		Module: "wifi", With: "node tmr", WiFi: radio.Config{Blank: true},
		Around: func(t testing.TB, x *chiptest.Lab) {
			x.Air.Networks = []air.Network{
				{SSID: "home", Password: "secret99", Channel: 6, RSSI: -50, BSSID: air.MAC{2, 0, 0, 0, 0, 1}},
				{SSID: "cafe", Channel: 11, RSSI: -70, BSSID: air.MAC{2, 0, 0, 0, 0, 2}},
				{SSID: "attic", Password: "secret77", Channel: 1, RSSI: -80, Hidden: true, BSSID: air.MAC{2, 0, 0, 0, 0, 3}},
			}
			phone := device.New(x.World, device.Config{Name: "phone", Board: x.D.Board, HostCPU: true, Startup: func(*device.Device) {},
				WiFi: radio.Config{SSID: "island", Password: "12345678"}})
			phone.PowerOn()
		},
		Examples: []docpage.Example{
			{Of: "wifi.getchannel(), wifi.getphymode(), wifi.getmode(), wifi.getdefaultmode()", What: "of a new device", Lua: `
				print(wifi.getchannel(), wifi.getphymode() == wifi.PHYMODE_N, wifi.getmode() == wifi.SOFTAP, wifi.getdefaultmode() == wifi.SOFTAP)`, Want: "6\ttrue\ttrue\ttrue"},
			{Of: "wifi.getcountry()", What: "example", Lua: `local names = {} for k, v in pairs(wifi.getcountry()) do names[#names + 1] = k .. "=" .. v end table.sort(names) print(unpack(names))`, Want: "country=CN\tend_ch=13\tpolicy=0\tstart_ch=1"},
			{Of: "wifi.setcountry()", What: "example: in full, in one line, default", Lua: `
				local c = {} c.country = "de" c.start_ch = 2 c.end_ch = 12 c.policy = wifi.COUNTRY_MANUAL
				local function show(ok) local t = wifi.getcountry() print(ok, t.country, t.start_ch, t.end_ch, t.policy) end
				show(wifi.setcountry(c)) show(wifi.setcountry({country = "US", start_ch = 1, end_ch = 11, policy = wifi.COUNTRY_AUTO})) show(wifi.setcountry({}))`, Want: "true\tDE\t2\t12\t1\ntrue\tUS\t1\t11\t0\ntrue\tCN\t1\t13\t0"},
			{Of: "wifi.nullmodesleep()", What: "asked and set", Lua: `print(wifi.nullmodesleep(), wifi.nullmodesleep(false), wifi.nullmodesleep())`, Want: "true\tfalse\tfalse"},
			{Of: "wifi.setmode()", What: "example; the default changes unless save is false", Lua: `
				print(wifi.setmode(wifi.STATION) == wifi.STATION, wifi.getdefaultmode() == wifi.STATION) print(wifi.setmode(wifi.STATIONAP, false) == wifi.STATIONAP, wifi.getdefaultmode() == wifi.STATION)`, Want: "true\ttrue\ntrue\ttrue"},
			{Of: "wifi.setphymode()", What: "each", Lua: `for _, m in ipairs{wifi.PHYMODE_B, wifi.PHYMODE_G, wifi.PHYMODE_N} do print(wifi.setphymode(m) == m, wifi.getphymode() == m) end`, Want: "true\ttrue\ntrue\ttrue\ntrue\ttrue"},
			{Of: "wifi.setmaxtxpower()", What: "both ends", Lua: `print(pcall(wifi.setmaxtxpower, 0)) print(pcall(wifi.setmaxtxpower, 82)) print(pcall(wifi.setmaxtxpower, 83))`, Want: "false\tbad argument #1 to '?' (tx power out of range (0->82))\ntrue\t82\nfalse\tbad argument #1 to '?' (tx power out of range (0->82))"},
			{Of: "wifi.suspend(), wifi.resume()", What: "examples, in a build that cannot", Lua: `
				print(pcall(wifi.suspend)) print(pcall(wifi.suspend, {duration = 10 * 1000 * 1000, suspend_cb = print})) print(pcall(wifi.resume)) print(pcall(wifi.resume, function() end))`, Want: strings.TrimSuffix(strings.Repeat(unavailable, 4), "\n")},
			{Of: "wifi.sta.autoconnect()", What: "example", Lua: station + `print((wifi.sta.autoconnect(1)))`, Want: "nil"},
			{Of: "wifi.sta.config()", What: "first example: not saved", For: 5 * clock.Second, Lua: station + `
				local c = {} c.ssid = "home" c.pwd = "secret99" c.save = false print(wifi.sta.config(c))
				tmr.create():alarm(4000, 0, function() print(wifi.sta.status() == wifi.STA_GOTIP, (wifi.sta.getdefaultconfig())) end)`, Want: "true\ntrue\t"},
			{Of: "wifi.sta.config()", What: "second example: saved, and used at the next boot", For: 12 * clock.Second, Lua: `
				wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(t) print("address", t.IP) if node.bootreason() == 1 then node.restart() end end)
				if node.bootreason() == 1 then ` + station + `wifi.sta.config({ssid = "home", pwd = "secret99", save = true}) end`, Want: "address\t192.168.1.10\nreset: software restart\naddress\t192.168.1.10"},
			{Of: "wifi.sta.config()", What: "third example: an access point by its address", For: 6 * clock.Second, Lua: station + `
				wifi.eventmon.register(wifi.eventmon.STA_CONNECTED, function(t) print("connected", t.BSSID) end)
				wifi.sta.config({ssid = "home", pwd = "secret99", bssid = "02:00:00:00:00:01"}) local c = wifi.sta.getconfig(true) print(c.bssid_set, c.bssid)`, Want: "true\t02:00:00:00:00:01\nconnected\t02:00:00:00:00:01"},
			{Of: "wifi.sta.config()", What: "fourth example: without connecting; then connect", For: 6 * clock.Second, Lua: station + `
				print(wifi.sta.config({ssid = "home", pwd = "secret99", auto = false})) 
				tmr.create():alarm(2000, 0, function() print(wifi.sta.status() == wifi.STA_IDLE) wifi.sta.connect(function(t) print("connected", t.SSID, t.channel) end) end)`, Want: "true\ntrue\nconnected\thome\t6"},
			{Of: "wifi.sta.config()", What: "the callbacks", For: 8 * clock.Second, Lua: station + `
				wifi.sta.config({ssid = "home", pwd = "secret99", connect_cb = function(t) print("connected", t.SSID, t.BSSID, t.channel) end,
					got_ip_cb = function(t) print("address", t.IP, t.netmask, t.gateway) wifi.sta.disconnect() end,
					disconnect_cb = function(t) print("left", t.SSID, t.BSSID, t.reason == wifi.eventmon.reason.ASSOC_LEAVE) end,
					authmode_change_cb = print, dhcp_timeout_cb = print})`, Want: "connected\thome\t02:00:00:00:00:01\t6\naddress\t192.168.1.10\t255.255.255.0\t192.168.1.1\nleft\thome\t02:00:00:00:00:01\ttrue"},
			// The page calls them connected_cb and disconnected_cb (fw: wifi_station_config).
			{Of: "wifi.sta.config()", What: "the page's names of two callbacks", For: 4 * clock.Second, Lua: station + `
				wifi.sta.config({ssid = "home", pwd = "secret99", connected_cb = print, disconnected_cb = print})`, Want: "hint: wifi.sta.config does not read connected_cb, although the firmware's documentation has it: the name is connect_cb"},
			{Of: "wifi.sta.config()", What: "a wrong password, no such network: the reasons", For: 30 * clock.Second, Lua: station + `
				local n = 0 wifi.eventmon.register(wifi.eventmon.STA_DISCONNECTED, function(t) n = n + 1 if n == 1 then print(t.reason, wifi.sta.status() == wifi.STA_WRONGPWD) wifi.sta.config({ssid = "nowhere"})
					elseif t.SSID == "nowhere" and wifi.sta.status() == wifi.STA_APNOTFOUND then print(t.reason == wifi.eventmon.reason.NO_AP_FOUND) wifi.eventmon.unregister(wifi.eventmon.STA_DISCONNECTED) end end)
				wifi.sta.config({ssid = "home", pwd = "wrong pass"})`, Want: "204\ttrue\ntrue"},
			{Of: "wifi.sta.clearconfig()", What: "all is gone", Lua: home + `print(wifi.sta.clearconfig(), wifi.sta.getconfig())`, Want: "true\t\t\t0\tff:ff:ff:ff:ff:ff"},
			{Of: "wifi.sta.connect(), wifi.sta.disconnect()", What: "with callbacks", For: 9 * clock.Second, Lua: station + `
				wifi.sta.config({ssid = "home", pwd = "secret99", auto = false}) print((wifi.sta.connect(function(t) print("in", t.SSID)
					print((wifi.sta.disconnect(function(t) print("out", t.SSID, t.reason) end))) end)))`, Want: "nil\nin\thome\nnil\nout\thome\t8"},
			{Of: "wifi.sta.getap()", What: "first and second example: the old format", For: 4 * clock.Second, Lua: station + `
				wifi.sta.getap(function(t) local lines = {} for ssid, v in pairs(t) do local auth, rssi, bssid, channel = v:match("([^,]+),([^,]+),([^,]+),([^,]+)") lines[#lines + 1] = table.concat({ssid, auth, rssi, bssid, channel}, " ") end
					table.sort(lines) print(table.concat(lines, "\n")) end)`, Want: "cafe 0 -70 02:00:00:00:00:02 11\nhome 3 -50 02:00:00:00:00:01 6"},
			{Of: "wifi.sta.getap()", What: "third and fourth example: the new format", For: 4 * clock.Second, Lua: station + `
				wifi.sta.getap(1, function(t) local lines = {} for bssid, v in pairs(t) do local ssid, rssi, auth, channel = v:match("([^,]+),([^,]+),([^,]+),([^,]*)") lines[#lines + 1] = table.concat({bssid, ssid, rssi, auth, channel}, " ") end
					table.sort(lines) print(table.concat(lines, "\n")) end)`, Want: "02:00:00:00:00:01 home -50 3 6\n02:00:00:00:00:02 cafe -70 0 11"},
			{Of: "wifi.sta.getap()", What: "fifth example: one access point, hidden ones too", For: 4 * clock.Second, Lua: station + `
				local s = {} s.ssid = "attic" s.bssid = "02:00:00:00:00:03" s.channel = 0 s.show_hidden = 1 wifi.sta.getap(s, 1, function(t) for k, v in pairs(t) do print(k, v) end end)`, Want: "02:00:00:00:00:03\tattic,-80,3,1"},
			{Of: "wifi.sta.getap()", What: "sixth example: how strong one's own is", For: 9 * clock.Second, Lua: home + `
				tmr.create():alarm(4000, 0, function()
					local ssid, _, set, bssid = wifi.sta.getconfig()
					local s = {ssid = ssid, channel = wifi.getchannel(), show_hidden = 0} if set == 1 then s.bssid = bssid end
					wifi.sta.getap(s, 1, function(t) for _, v in pairs(t) do print("RSSI", (select(3, v:find("[^,]+,([^,]+)")))) end end) end)`, Want: "RSSI\t-50"},
			{Of: "wifi.sta.setaplimit(), wifi.sta.getapinfo(), wifi.sta.getapindex(), wifi.sta.changeap()", What: "examples: several networks, after a restart", For: 9 * clock.Second, Lua: `
				if node.bootreason() == 1 then ` + station + `print(wifi.sta.setaplimit(3)) node.restart() return end
				wifi.sta.config({ssid = "home", pwd = "secret99", auto = false}) wifi.sta.config({ssid = "cafe", auto = false})
				local all, at = wifi.sta.getapinfo(), wifi.sta.getapindex()
				print(all.qty, at) for i = 1, all.qty do print((i == at and ">" or " ") .. i, all[i].ssid, all[i].pwd, all[i].bssid) end
				print(wifi.sta.changeap(1), wifi.sta.getapindex(), (wifi.sta.getconfig()))`, Want: "true\nreset: software restart\n2\t2\n 1\thome\tsecret99\tnil\n>2\tcafe\tnil\tnil\ntrue\t1\thome"},
			{Of: "wifi.sta.getbroadcast(), wifi.sta.getip(), wifi.sta.getrssi()", What: "examples; before and after", For: 5 * clock.Second, Lua: home + `
				print(wifi.sta.getip(), wifi.sta.getbroadcast(), wifi.sta.getrssi())
				tmr.create():alarm(4000, 0, function() print(wifi.sta.getip()) local ip, mask = wifi.sta.getip() print(ip, mask, wifi.sta.getbroadcast(), wifi.sta.getrssi()) end)`, Want: "nil\tnil\tnil\n192.168.1.10\t255.255.255.0\t192.168.1.1\n192.168.1.10\t255.255.255.0\t192.168.1.255\t-51"},
			{Of: "wifi.sta.getconfig()", What: "example: new and old format", Lua: home + `
				local c = wifi.sta.getconfig(true) print(c.ssid, c.pwd, c.bssid, c.bssid_set and "true" or "false") print(wifi.sta.getconfig()) print(wifi.sta.getconfig(false))`, Want: "home\tsecret99\tff:ff:ff:ff:ff:ff\tfalse\nhome\tsecret99\t0\tff:ff:ff:ff:ff:ff\nhome\tsecret99\t0\tff:ff:ff:ff:ff:ff"},
			{Of: "wifi.sta.getdefaultconfig()", What: "example: what is in the flash", Lua: home + `
				wifi.sta.config({ssid = "cafe", save = false}) local c = wifi.sta.getdefaultconfig(true) print(c.ssid, c.pwd, c.bssid_set) print(wifi.sta.getdefaultconfig()) print((wifi.sta.getconfig()))`, Want: "home\tsecret99\tfalse\nhome\tsecret99\t0\tff:ff:ff:ff:ff:ff\ncafe"},
			{Of: "wifi.sta.gethostname(), wifi.sta.sethostname()", What: "examples", Lua: station + `print(wifi.sta.gethostname()) if wifi.sta.sethostname("hall-lamp") == true then print("changed to", wifi.sta.gethostname()) end print(pcall(wifi.sta.sethostname, "-lamp"))`, Want: "NODE-5AE1C7\nchanged to\thall-lamp\nfalse\tbad argument #1 to '?' (Invalid hostname)"},
			{Of: "wifi.sta.setip()", What: "an address without DHCP", For: 5 * clock.Second, Lua: home + `
				print(wifi.sta.setip({ip = "192.168.1.77", netmask = "255.255.255.0", gateway = "192.168.1.1"})) tmr.create():alarm(4000, 0, function() print(wifi.sta.getip()) end)`, Want: "true\n192.168.1.77\t255.255.255.0\t192.168.1.1"},
			{Of: "wifi.sta.setmac(), wifi.sta.getmac()", What: "example", Lua: station + `print(wifi.sta.getmac()) print(wifi.sta.setmac("DE:AD:BE:EF:00:C0"), wifi.sta.getmac())`, Want: "5c:cf:7f:5a:e1:c7\ntrue\tde:ad:be:ef:00:c0"},
			{Of: "wifi.sta.sleeptype()", What: "each", Lua: station + `for _, s in ipairs{wifi.NONE_SLEEP, wifi.LIGHT_SLEEP, wifi.MODEM_SLEEP} do print(wifi.sta.sleeptype(s) == s) end`, Want: "true\ntrue\ntrue"},
			{Of: "wifi.sta.status()", What: "from idle to an address", For: 5 * clock.Second, Lua: station + `
				print(wifi.sta.status() == wifi.STA_IDLE) wifi.sta.config({ssid = "home", pwd = "secret99"}) print(wifi.sta.status() == wifi.STA_CONNECTING)
				tmr.create():alarm(4000, 0, function() print(wifi.sta.status() == wifi.STA_GOTIP) end)`, Want: "true\ntrue\ntrue"},
			{Of: "wifi.ap.config()", What: "example; what is left out is default", Lua: `
				wifi.setmode(wifi.SOFTAP) local c = {} c.ssid = "gadget" c.pwd = "verysecret" print(wifi.ap.config(c)) c = wifi.ap.getconfig(true) print(c.ssid, c.pwd, c.auth == wifi.WPA_WPA2_PSK, c.channel, c.hidden, c.max, c.beacon)
				print(wifi.ap.config({ssid = "open", auth = wifi.OPEN, channel = 9, hidden = true, max = 2, beacon = 200, save = false})) c = wifi.ap.getconfig(true) print(c.ssid, c.pwd, c.auth, c.channel, c.hidden, c.max, c.beacon)`, Want: "true\ngadget\tverysecret\ttrue\t6\tfalse\t4\t100\ntrue\nopen\tnil\t0\t9\ttrue\t2\t200"},
			{Of: "wifi.ap.config()", What: "the callbacks", For: 8 * clock.Second, Lua: `
				wifi.setmode(wifi.SOFTAP) wifi.ap.config({ssid = "island", pwd = "12345678", staconnected_cb = function(t) print("in", t.MAC, t.AID) wifi.ap.deauth(t.MAC) end,
					stadisconnected_cb = function(t) print("out", t.MAC, t.AID) wifi.setmode(wifi.NULLMODE) end, probereq_cb = function() end})`, Want: "in\t5c:cf:7f:5a:e1:c8\t1\nout\t5c:cf:7f:5a:e1:c8\t1"},
			{Of: "wifi.ap.deauth()", What: "example: only those of a list may stay", For: 8 * clock.Second, Lua: `
				local welcome, n = {"18:fe:34:00:00:00"}, 0
				wifi.eventmon.register(wifi.eventmon.AP_STACONNECTED, function(t)
					for _, mac in pairs(welcome) do if mac == t.MAC then return end end
					n = n + 1 if n == 1 then print(t.AID, wifi.ap.deauth(t.MAC)) else print("again", wifi.ap.deauth()) wifi.setmode(wifi.NULLMODE) end end) ` + island, Want: "1\ttrue\nagain\ttrue"},
			{Of: "wifi.ap.getbroadcast(), wifi.ap.getip(), wifi.ap.getmac()", What: "examples", Lua: island + `
				print(wifi.ap.getbroadcast()) print(wifi.ap.getip()) local ip, mask, gw = wifi.ap.getip() print(ip, mask, gw) print(wifi.ap.getmac())`, Want: "192.168.4.255\n192.168.4.1\t255.255.255.0\t192.168.4.1\n192.168.4.1\t255.255.255.0\t192.168.4.1\n5e:cf:7f:5a:e1:c7"},
			{Of: "wifi.ap.getclient()", What: "example", For: 6 * clock.Second, Lua: island + `tmr.create():alarm(5000, 0, function() for mac, ip in pairs(wifi.ap.getclient()) do print(mac, ip) end end)`, Want: "5c:cf:7f:5a:e1:c8\t192.168.4.2"},
			{Of: "wifi.ap.getconfig()", What: "example: new and old format", Lua: island + `
				local names = {} for k in pairs(wifi.ap.getconfig(true)) do names[#names + 1] = k end table.sort(names) print(table.concat(names, " ")) print(wifi.ap.getconfig())`, Want: "auth beacon channel hidden max pwd ssid\nisland\t12345678"},
			{Of: "wifi.ap.getdefaultconfig()", What: "example", Lua: island + `wifi.ap.config({ssid = "now", pwd = "87654321", save = false}) print(wifi.ap.getdefaultconfig()) print(wifi.ap.getdefaultconfig(true).ssid, (wifi.ap.getconfig()))`, Want: "island\t12345678\nisland\tnow"},
			{Of: "wifi.ap.setip()", What: "example", Lua: island + `print(wifi.ap.setip({ip = "192.168.9.1", netmask = "255.255.255.0", gateway = "192.168.9.1"})) print(wifi.ap.getip())`, Want: "true\n192.168.9.1\t255.255.255.0\t192.168.9.1"},
			{Of: "wifi.ap.setmac()", What: "example", Lua: island + `print(wifi.ap.setmac("AC-1D-1C-B1-0B-22"), wifi.ap.getmac())`, Want: "true\tac:1d:1c:b1:0b:22"},
			{Of: "wifi.ap.dhcp.config()", What: "example: where the addresses begin", For: 6 * clock.Second, Lua: island + `
				local c = {} c.start = "192.168.4.100" print(wifi.ap.dhcp.config(c)) wifi.ap.dhcp.start()
				tmr.create():alarm(5000, 0, function() for _, ip in pairs(wifi.ap.getclient()) do print(ip) end end)`, Want: "192.168.4.100\t192.168.4.103\n192.168.4.100"},
			{Of: "wifi.ap.dhcp.start(), wifi.ap.dhcp.stop()", What: "off and on", Lua: island + `print(wifi.ap.dhcp.stop(), wifi.ap.dhcp.start())`, Want: "true\ttrue"},
			{Of: "wifi.eventmon.register()", What: "example: all events of the station", For: 12 * clock.Second, Lua: `
				local e = wifi.eventmon
				e.register(e.STA_CONNECTED, function(t) print("connected", t.SSID, t.BSSID, t.channel) end)
				e.register(e.STA_DISCONNECTED, function(t) print("disconnected", t.SSID, t.BSSID, t.reason) end)
				e.register(e.STA_AUTHMODE_CHANGE, function(t) print("authorization", t.old_auth_mode, t.new_auth_mode) end)
				e.register(e.STA_GOT_IP, function(t) print("address", t.IP, t.netmask, t.gateway) wifi.setmode(wifi.NULLMODE) end)
				e.register(e.STA_DHCP_TIMEOUT, function() print("no address") end)
				e.register(e.WIFI_MODE_CHANGED, function(t) print("mode", t.old_mode, t.new_mode) end) ` + home, Want: "mode\t2\t1\nconnected\thome\t02:00:00:00:00:01\t6\naddress\t192.168.1.10\t255.255.255.0\t192.168.1.1\ndisconnected\thome\t02:00:00:00:00:01\t8\nmode\t1\t0"},
			{Of: "wifi.eventmon.register()", What: "example: all events of the access point", For: 8 * clock.Second, Lua: `
				local e, n = wifi.eventmon, 0
				e.register(e.AP_STACONNECTED, function(t) print("in", t.MAC, t.AID) wifi.ap.deauth(t.MAC) end)
				e.register(e.AP_STADISCONNECTED, function(t) print("out", t.MAC, t.AID) wifi.setmode(wifi.NULLMODE) end)
				e.register(e.AP_PROBEREQRECVED, function(t) n = n + 1 if n == 1 then print("asked by", t.MAC, t.RSSI) end end) ` + island, Want: "asked by\t5c:cf:7f:5a:e1:c8\t-55\nin\t5c:cf:7f:5a:e1:c8\t1\nout\t5c:cf:7f:5a:e1:c8\t1"},
			{Of: "wifi.eventmon.unregister()", What: "example", For: 5 * clock.Second, Lua: `wifi.eventmon.register(wifi.eventmon.STA_CONNECTED, print) print((wifi.eventmon.unregister(wifi.eventmon.STA_CONNECTED))) ` + home, Want: "nil"},
			{Of: "wifi.eventmon.reason", What: "the page's numbers", Lua: first + `
				local r = wifi.eventmon.reason print(r.UNSPECIFIED, r.AUTH_EXPIRE, r.ASSOC_LEAVE, r["4WAY_HANDSHAKE_TIMEOUT"], r["802_1X_AUTH_FAILED"], r.CIPHER_SUITE_REJECTED, r.BEACON_TIMEOUT, r.NO_AP_FOUND, r.AUTH_FAIL, r.ASSOC_FAIL, r.HANDSHAKE_TIMEOUT)`,
				Want: "1\t2\t8\t15\t23\t24\t200\t201\t202\t203\t204"},
		},
		Left: map[string]string{
			"wifi.startsmart()": "needs WIFI_SMART_ENABLE, and a phone with its app", "wifi.stopsmart()": "likewise",
		},
	}.Run(t)
}
