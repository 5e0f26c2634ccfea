package hostserial_test

import (
	"crypto/sha1"
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/app/hostserial"
)

// Conversations of the tools that people use, as the reference's clients.md tells them: what
// each sends, and what it waits for before it goes on. The Lua is written for the tests.

// binary is a file with every byte, and long enough for several blocks.
var binary = func() string {
	var b strings.Builder
	for i := range 700 {
		b.WriteByte(byte(i * 7))
	}
	return b.String()
}()

// talk is a program at a port that is fast.
func talk(t *testing.T, src string) (*bench, *client) {
	t.Helper()
	b := newBench(t, src, anyPort, hostserial.Options{Fast: true})
	return b, b.dial(t)
}

// sendLines sends lines with an end, each when the prompt is back.
func (c *client) sendLines(end string, lines ...string) {
	c.t.Helper()
	for _, line := range lines {
		c.send(line + end)
		c.until(line + "\r\n")
		c.until("> ")
	}
}

// holds checks that the device has a file with these bytes.
func (c *client) holds(name, data string) {
	c.t.Helper()
	want := fmt.Sprintf("%d\t%x\r\n", len(data), sha1.Sum([]byte(data)))
	if got := c.ask(fmt.Sprintf(`print(file.stat(%q).size, encoder.toHex(crypto.fhash("sha1", %[1]q)))`, name)); got != want {
		c.t.Errorf("%s is %q, want %q", name, got, want)
	}
}

// nodemcu-uploader: a name that ends in a NUL, then blocks of 130 bytes, each answered with
// one byte; sha1; blocks back, each asked for with one byte.
func TestUploader(t *testing.T) {
	_, c := talk(t, "")
	c.send("UUUUUUUUUUUU\n") // a chunk that is not complete
	c.until(">> ")
	c.send(";\n")
	c.until("\r\n> ")
	c.send(`print("%sync%");` + "\n")
	c.until("\r\n%sync%\r\n> ")
	if got := c.ask("print(recv_block)"); got != "nil\r\n" {
		t.Errorf("%q", got)
	}
	c.sendLines("\n",
		`function recv_block(d)`,
		`  local n = d:byte(2)`,
		`  if d:byte(1) ~= 1 or #d ~= 130 then uart.write(0, "\021") return end`,
		`  if n == 0 then fd:close() uart.on("data") uart.write(0, "\006") return end`,
		`  fd:write(d:sub(3, n + 2)) uart.write(0, "\006")`,
		`end`,
		`function recv_name(d)`,
		`  fd = file.open(d:gsub("%z.*", ""), "w")`,
		`  uart.on("data", 130, recv_block, 0) uart.write(0, "\006")`,
		`end`,
		`function recv() uart.on("data", "\0", recv_name, 0) uart.write(0, "C") end`,
		`function shafile(f) print(crypto.toHex(crypto.fhash("sha1", f))) end`,
		`function send(f)`,
		`  fd = file.open(f)`,
		`  uart.on("data", 1, function(d)`,
		`    local s = d == "\006" and fd:read(128)`,
		`    if s then uart.write(0, "\001", string.char(#s), s, (" "):rep(128 - #s)) return end`,
		`    fd:close() uart.on("data") uart.write(0, "\001\0")`,
		`  end, 0)`,
		`end`)
	c.send("recv()\n")
	c.until("recv()\r\nC")
	c.send("data.bin\x00")
	c.until("\x06")
	c.send("\x02" + strings.Repeat("x", 129)) // no block: a nack
	c.until("\x15")
	for rest := binary; ; {
		n := min(len(rest), 128)
		c.send("\x01" + string([]byte{byte(n)}) + rest[:n] + strings.Repeat(" ", 128-n))
		c.until("\x06")
		if n == 0 {
			break
		}
		rest = rest[n:]
	}
	// The firmware says of crypto.toHex that it is old, which the tool does not mind.
	if got, want := c.ask(`shafile("data.bin")`), fmt.Sprintf("%x\r\n", sha1.Sum([]byte(binary))); !strings.HasSuffix(got, want) {
		t.Errorf("sha1 %q, want %q", got, want)
	}
	c.send(`send("data.bin")` + "\n")
	c.until("\r\n> ")
	var back strings.Builder
	for {
		c.send("\x06")
		c.until("\x01")
		n := int(c.bytes(1)[0])
		if n == 0 {
			break
		}
		back.WriteString(c.bytes(128)[:n])
	}
	if back.String() != binary {
		t.Errorf("%d bytes come back, and other ones", back.Len())
	}
	c.ask("for k, v in pairs(file.list()) do print(k, v) end")
	c.ask("print(node.heap())")
	c.send("node.restart()\n")
	c.until("powered by Lua")
}

// luatool: lines that end in CR, echoed as they are, then the prompt; a file line by line.
func TestLuatool(t *testing.T) {
	_, c := talk(t, "")
	c.sendLines("\r", `file.open("up.lua", "w")`, `file.close()`, `file.remove("up.lua")`, `file.open("up.lua", "w+")`)
	for _, line := range []string{`-- a comment with "quotes" and \n`, `print("from luatool", ...)`, ``, `x = [[a]]`} {
		c.sendLines("\r", `file.writeline([==[`+line+`]==])`)
	}
	c.sendLines("\r", `file.flush()`, `file.close()`)
	c.holds("up.lua", "-- a comment with \"quotes\" and \\n\nprint(\"from luatool\", ...)\n\nx = [[a]]\n")
	c.send("dofile(\"up.lua\")\r")
	c.until("from luatool\r\n> ")
	c.sendLines("\r", `node.compile("up.lua")`)
	c.send("dofile(\"up.lc\")\r")
	c.until("from luatool\r\n> ")
	c.send(`dofile("none.lua")` + "\r")
	c.until("cannot open none.lua")
	c.send("node.restart()\r")
	c.until("powered by Lua")
}

// ESPlorer: a list between two marks, and packets of 250 bytes with a checksum of its own.
func TestESPlorer(t *testing.T) {
	_, c := talk(t, "")
	if got := c.ask("=node.heap()"); len(got) < 4 {
		t.Errorf("%q", got)
	}
	c.sendLines("\r\n",
		`uart.setup(0, 115200, 8, 0, 1, 1)`,
		`_dir = function() local k, v print("~~~File " .. "list START~~~") for k, v in pairs(file.list()) do print(k, v) end print("~~~File " .. "list END~~~") end`,
		`_up = function(n, l, ll)`,
		`  local left = ll`,
		`  local function packet(b)`,
		`    file.open(n, "a+") file.write(b) file.close()`,
		`    local sum = 0 for i = 1, #b do sum = (sum + b:byte(i) * 20) % 19 end`,
		`    left = left - #b`,
		`    if left == 0 then uart.on("data") elseif left < l then uart.on("data", left, packet, 0) end`,
		`    print("~~~CRC-" .. "START~~~" .. sum .. "~~~CRC-" .. "END~~~") print(">" .. " ")`,
		`  end`,
		`  uart.on("data", l, packet, 0)`,
		`end`)
	c.send(fmt.Sprintf("_up(\"e.bin\", 250, %d)\r\n", len(binary)))
	c.until("\r\n> ")
	for rest := binary; len(rest) > 0; {
		n := min(len(rest), 250)
		sum := 0
		for _, b := range []byte(rest[:n]) {
			sum = (sum + int(b)*20) % 19
		}
		c.send(rest[:n])
		c.until(fmt.Sprintf("~~~CRC-START~~~%d~~~CRC-END~~~\r\n> \r\n", sum))
		rest = rest[n:]
	}
	c.holds("e.bin", binary)
	c.send("_dir()\r\n")
	if got := c.until("~~~File list END~~~"); !strings.Contains(got, "~~~File list START~~~\r\n") || !strings.Contains(got, "e.bin\t700\r\n") {
		t.Errorf("%q", got)
	}
}

// BoresXP's extension: the chip's number to find the device, a prompt that is silenced, and
// blocks of 254 bytes with words as answers.
func TestBoresXP(t *testing.T) {
	_, c := talk(t, "")
	c.send("uart.write(0, tostring(node.chipid()) .. \"\\r\\n\")\r\n")
	c.until("\\r\\n\")\r\n")
	if id := strings.TrimSuffix(c.until("\r\n"), "\r\n"); len(id) < 5 || strings.Trim(id, "0123456789") != "" {
		t.Errorf("the chip's number is %q", id)
	}
	c.until("> ")
	c.send("node.output(function(p) return false end, 0)\r\n")
	c.until(", 0)\r\n")
	blocks := (len(binary) + 252) / 253
	for _, line := range []string{
		`f, n = file.open("v.bin", "w"), 0`,
		`function take(d) f:write(d:sub(2, d:byte(1) + 1)) n = n + 1`,
		fmt.Sprintf(`  if n < %d then uart.write(0, "kxyJ\r\n") return end`, blocks),
		`  f:close() uart.on("data") node.output() uart.write(0, "QKiw\r\n") end`,
		`uart.on("data", 254, take, 0) uart.write(0, "Ready\r\n")`,
	} {
		c.send(line + "\r\n") // its echo is all that comes
		c.until(line + "\r\n")
	}
	c.until("Ready\r\n")
	for rest := binary; len(rest) > 0; {
		n := min(len(rest), 253)
		c.send(string([]byte{byte(n)}) + rest[:n] + strings.Repeat("\x00", 253-n))
		if rest = rest[n:]; len(rest) > 0 {
			c.until("kxyJ\r\n")
		}
	}
	c.until("QKiw\r\n")
	c.send("\r\n")
	c.until("> ")
	c.holds("v.bin", binary)
	// Back byte by byte, each as it is.
	c.send(`uart.on("data", 0, function() uart.on("data") uart.write(0, file.getcontents("v.bin")) end, 0)` + "\r\n")
	c.until("0)\r\n")
	c.until("> ")
	c.send("!")
	if got := c.bytes(len(binary)); got != binary {
		t.Errorf("%d bytes come back, and other ones", len(got))
	}
	c.send("\r\nfile.format()\r\n")
	c.until("format done.\r\n")
}

// caiohamamura's extension: windows of 256 bytes, byte by byte, each with a mark; a file that
// is renamed when it is whole; a reset with the modem lines and the banner.
func TestVSCodeWindows(t *testing.T) {
	b, c := talk(t, "")
	c.sendLines("\r\n",
		`do local n, f = 0, file.open("t.tmp", "w")`,
		`  function window(d) f:write(d) n = n + 1`,
		fmt.Sprintf(`    if n == %d then f:close() uart.on("data") file.rename("t.tmp", "t.bin") uart.write(0, "DONE")`, len(binary)),
		`    elseif n % 256 == 0 then uart.write(0, "ACK") end end`,
		`end`)
	c.send("uart.on(\"data\", 0, window, 0)\r\n")
	c.until("0)\r\n")
	c.until("> ")
	for rest := binary; len(rest) > 0; {
		n := min(len(rest), 256)
		c.send(rest[:n])
		if rest = rest[n:]; len(rest) > 0 {
			c.until("ACK")
		}
	}
	c.until("DONE")
	c.send("\r\n")
	c.until("> ")
	c.holds("t.bin", binary)
	if got := c.ask(`print(string.format("%02x", 10), file.exists("t.tmp"))`); got != "0a\tfalse\r\n" {
		t.Errorf("%q", got)
	}
	c.Close()
	c = b.dial(t)
	c.send("\xff\xfb\x2c\xff\xfa\x2c\x05\x0b\xff\xf0")
	b.logged(t, "reset: external reset")
	c.send("\xff\xfa\x2c\x05\x0c\xff\xf0")
	c.until("NodeMCU")
	c.until("> ")
}
