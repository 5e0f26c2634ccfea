package crypto

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/sim/encoder"
	"github.com/nodemcu-sim/nodemcu-sim/sim/file"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
)

const note = "Warning, deprecated API! crypto.toHex. It will be removed in the next version. See documentation for details.\n"

func TestCrypto(t *testing.T) {
	files := map[string]string{
		"empty": "", "abc": "abc", "long": strings.Repeat("0123456789", 100), "block": strings.Repeat("a", 128),
	}
	for _, tt := range []struct{ name, lua, want string }{
		{"hashes", `print(encoder.toHex(crypto.hash("sha1", "abc")), encoder.toHex(crypto.sha1("abc")))`,
			"a9993e364706816aba3e25717850c26c9cd0d89d\ta9993e364706816aba3e25717850c26c9cd0d89d"},
		{"a letter that only looks like another case", `print(pcall(crypto.hash, "\197\191ha1", "abc"))`, "false\tunknown hash mech"},
		{"files", `for _, f in ipairs{"empty", "abc", "long", "block"} do for _, a in ipairs{"MD5", "SHA1", "SHA256", "SHA384", "SHA512"} do
			if crypto.fhash(a, f) ~= crypto.hash(a, file.getcontents(f) or "") then print(a, f) end end end print(encoder.toHex(crypto.fhash("md5", "/FLASH/abc")))`,
			"900150983cd24fb0d6963f7d28e17f72"},
		{"no file", `print(pcall(crypto.fhash, "MD5", "absent")) print(pcall(crypto.fhash, "MD4", "abc")) print(pcall(crypto.fhash, "MD5"))`,
			"false\tfile does not exist\nfalse\tunknown hash mech\nfalse\tbad argument #2 to '?' (string expected, got no value)"},
		{"a hash in pieces", `h = crypto.new_hash("SHA1") h:update("FirstString") h:update("SecondString") print(h:finalize() == crypto.hash("sha1", "FirstStringSecondString"))`, "true"},
		{"an HMAC in pieces", `h = crypto.new_hmac("SHA512", "s3kr3t") h:update("FirstString") h:update("SecondString") print(h:finalize() == crypto.hmac("sha512", "FirstStringSecondString", "s3kr3t"))`, "true"},
		{"AES and what fills it up", `k = "1234567890abcdef" s = crypto.encrypt("AES-ECB", k, "Hi, I'm secret!") print(encoder.toHex(s), crypto.decrypt("aes-ecb", k, s):match("(.-)%z*$"))`,
			"2d0f79b36dfeb7a3cad269a890915262\tHi, I'm secret!"},
		{"a vector that is too long", `k = "1234567890abcdef" print(crypto.encrypt("AES-CBC", k, "x", k .. "more") == crypto.encrypt("AES-CBC", k, "x", k))`, "true"},
		{"keys", `for n = 0, 33 do if pcall(crypto.encrypt, "AES-ECB", ("k"):rep(n), "x") then print(n) end end print(pcall(crypto.decrypt, "AES-CBC", "k", "x"))`, "16\nfalse\tcrypto op failed"},
		{"a mask", `print(encoder.toHex(crypto.mask("some message to obscure", "X0Y7")))`, "2b5f3452785d3c442b513e527844361737522a542d423c"},
		{"old names", `print(crypto.toHex("\1\171")) print(pcall(crypto.toHex)) print(pcall(crypto.toHex, {}))`,
			note + "01ab\n" + note + "false\ttoHex must have one argument\n" + note + "false\tbad argument #1 to '?' (string expected, got table)"},
		{"encoder is another", `encoder = {toHex = function(s) return "mine " .. s end} print(crypto.toHex("x")) encoder = 5 print(pcall(crypto.toHex, "x"))`,
			note + "mine x\n" + note + "false\tbad argument #-1 to '?' (table expected, got number)"},
		{"the names", `n = 0 for k, v in pairs(crypto) do n = n + 1 end print(n)`, "11"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files["t.lua"] = tt.lua
			x := terminal.New(t, files, Module, encoder.Module, file.Module)
			if got := x.Run(`dofile("t.lua")`); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// A build without encoder works the old names out itself.
func TestWithoutEncoder(t *testing.T) {
	x := terminal.New(t, nil, Module)
	want := note + "01ab\n" + strings.Replace(note, "Hex", "Base64", 1) + "YQ==\nfalse\tbad argument #1 to '?' (string expected, got no value)"
	if got := x.Run(`print(crypto.toHex("\1\171")) print(crypto.toBase64("a")) print(pcall(crypto.toHex))`); got != want {
		t.Errorf("%q", got)
	}
}

// hints are what was said about the program.
func hints(x *terminal.Terminal) (list []string) {
	for _, e := range x.Events {
		if h, ok := e.Data.(event.Hint); ok {
			list = append(list, h.Text)
		}
	}
	return list
}

func TestKeyHint(t *testing.T) {
	x := terminal.New(t, nil, Module)
	x.Run(`crypto.encrypt("AES-CBC", ("k"):rep(32), "x")`)
	if got := hints(x); len(got) != 1 || got[0] != "crypto: the key has 32 bytes, and the SDK's AES knows only those of 16" {
		t.Errorf("%q", got)
	}
}

// After finalize a state is zero, and another digest is not that of the empty string.
func TestFinalizedTwice(t *testing.T) {
	x := terminal.New(t, nil, Module)
	got := x.Run(`for _, a in ipairs{"MD5", "SHA1", "SHA256", "SHA384", "SHA512"} do
			h = crypto.new_hash(a) one = h:finalize() two = h:finalize() three = h:finalize()
			g = crypto.new_hmac(a, "k") g:update("x") g:finalize() again = g:finalize()
			print(one == crypto.hash(a, ""), two == one, three == two, again == crypto.hmac(a, "", "k"))
		end`)
	if want := strings.TrimSuffix(strings.Repeat("true\tfalse\ttrue\tfalse\n", 5), "\n"); got != want {
		t.Errorf("%q", got)
	}
	if got := hints(x); len(got) == 0 || !strings.HasPrefix(got[0], "this hash was finalized") {
		t.Errorf("%q", got)
	}
}

// An object has the size of the firmware's, 24 bytes of a userdata's header included; what
// works gives its memory back.
func TestMemory(t *testing.T) {
	x := terminal.New(t, map[string]string{"a": "abc", "t.lua": `collectgarbage() function size(f, ...) collectgarbage() local m = node.egc.meminfo() local o = f(...) local n = node.egc.meminfo() return n - m end
		size(crypto.new_hmac, "MD5", "warm") for _, a in ipairs{"MD5", "SHA256", "SHA512"} do local n = size(crypto.new_hash, a) print(a, n, size(crypto.new_hmac, a, "k")) end
		k = "1234567890abcdef" function all() crypto.hash("SHA512", k) crypto.hmac("SHA512", k, k) crypto.fhash("SHA512", "a") crypto.encrypt("AES-CBC", k, k) crypto.decrypt("AES-CBC", k, k) pcall(crypto.encrypt, "AES-CBC", "", k) pcall(crypto.fhash, "MD5", "b") end
		all() collectgarbage() h = node.heap() for i = 1, 20 do all() end collectgarbage() print(node.heap() - h)`}, Module, node.Module)
	if got, want := x.Run(`dofile("t.lua")`), "MD5\t128\t192\nSHA256\t140\t204\nSHA512\t244\t372\n0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
