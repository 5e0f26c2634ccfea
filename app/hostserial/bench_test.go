//go:build unix

package hostserial_test

import (
	"io"
	"os"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/app/hostserial"
)

// BenchmarkPtyOut reads what a program prints through a pseudo-terminal on which bytes take no
// time, and BenchmarkPtyIn writes what a handler of uart.on takes in blocks of 255 bytes; Lua
// takes its time on neither.
func BenchmarkPtyOut(b *testing.B) {
	const size = 1 << 20
	d := newBenchOn(b, "host", `uart.on("data", 1, function() for i = 1, 1024 do uart.write(0, ("x"):rep(1024)) tmr.wdclr() end end, 0)`,
		hostserial.Spec{Kind: hostserial.Pty}, hostserial.Options{Fast: true})
	port, err := os.OpenFile(d.line.Name(), os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer port.Close()
	b.SetBytes(size)
	for b.Loop() {
		if _, err := port.Write([]byte("g")); err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, port, size); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPtyIn(b *testing.B) {
	const size = 255 << 12
	d := newBenchOn(b, "host", `n = 0 uart.on("data", 255, function() n = n + 1 if n == 4096 then n = 0 uart.write(0, "k") end end, 0)`,
		hostserial.Spec{Kind: hostserial.Pty}, hostserial.Options{Fast: true})
	port, err := os.OpenFile(d.line.Name(), os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer port.Close()
	b.SetBytes(size)
	data := make([]byte, size)
	for b.Loop() {
		if _, err := port.Write(data); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(port, data[:1]); err != nil {
			b.Fatal(err)
		}
	}
}
