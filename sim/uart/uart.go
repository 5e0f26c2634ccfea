// Package uart is the firmware module uart: the serial port's settings, raw
// output, and a handler for what comes in (fw: docs/modules/uart.md,
// app/modules/uart.c).
//
// UART 0 is the port that package serial models; UART 1 can only send, on a pin that
// nothing listens to: it keeps its settings, and what is written to it is gone.
package uart

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/serial"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is uart as release 3.0 has it.
var Module = device.Module{Name: "uart", Open: open}

const (
	dirRX = 0
	dirTX = 1
)

type module struct {
	dev     *device.Device
	second  serial.Config // of UART 1
	handler vm.Ref
}

func open(d *device.Device) *device.Lib {
	m := &module{dev: d, second: d.Serial.Config()}
	number := func(name string, n int) vm.Const { return vm.Const{Name: name, Value: vm.Number(n)} }
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "setup", Fn: m.setup},
			{Name: "getconfig", Fn: m.getconfig},
			{Name: "write", Fn: m.write},
			{Name: "on", Fn: m.on},
			{Name: "alt", Fn: m.alt},
			{Name: "fifodepth", Fn: m.fifodepth},
		},
		Consts: []vm.Const{
			number("STOPBITS_1", serial.StopBits1),
			number("STOPBITS_1_5", serial.StopBits1_5),
			number("STOPBITS_2", serial.StopBits2),
			number("PARITY_NONE", serial.ParityNone),
			number("PARITY_EVEN", serial.ParityEven),
			number("PARITY_ODD", serial.ParityOdd),
			number("DIR_RX", dirRX),
			number("DIR_TX", dirTX),
		},
	}
}

// checkID returns argument 1, the number of a UART.
func checkID(c *vm.Call) int {
	id := c.Int(1)
	if id != 0 && id != 1 {
		c.Error("uart %d does not exist", id)
	}
	return id
}

// bauds are the speeds that setup knows; it makes any other 9600.
var bauds = map[int]bool{
	300: true, 600: true, 1200: true, 2400: true, 4800: true, 9600: true, 19200: true, 31250: true, 38400: true,
	57600: true, 74880: true, 115200: true, 230400: true, 256000: true, 460800: true, 921600: true, 1843200: true, 3686400: true,
}

const otherBaud = 9600

// setup is uart.setup(id, baud, databits, parity, stopbits, [echo]). It returns
// the speed asked for, whatever it has set.
func (m *module) setup(c *vm.Call) int {
	id := checkID(c)
	asked := c.Int(2)
	s := serial.Config{Baud: asked, DataBits: c.Int(3), Parity: c.Int(4), StopBits: c.Int(5)}
	if !bauds[s.Baud] {
		s.Baud = otherBaud
	}
	if s.DataBits < 5 || s.DataBits > 8 {
		s.DataBits = 8
	}
	if s.Parity != serial.ParityEven && s.Parity != serial.ParityOdd {
		s.Parity = serial.ParityNone
	}
	if s.StopBits != serial.StopBits1_5 && s.StopBits != serial.StopBits2 {
		s.StopBits = serial.StopBits1
	}
	if c.Arg(6) != vm.Nil && c.IsNumber(6) {
		m.dev.Serial.SetEcho(c.Int(6) != 0)
	}
	if id == 0 {
		m.dev.Serial.SetConfig(s)
	} else {
		m.second = s
	}
	return c.ReturnInt(asked)
}

// getconfig is uart.getconfig(id).
func (m *module) getconfig(c *vm.Call) int {
	s := m.second
	if checkID(c) == 0 {
		s = m.dev.Serial.Config()
	}
	return c.Return(vm.Number(s.Baud), vm.Number(s.DataBits), vm.Number(s.Parity), vm.Number(s.StopBits))
}

// write is uart.write(id, data, ...): strings, or numbers that are bytes. What
// stands before an argument that is neither has been sent when the error comes.
func (m *module) write(c *vm.Call) int {
	id := checkID(c)
	for i := 2; i <= c.NArgs(); i++ {
		var data string
		switch x := c.Arg(i).(type) {
		case vm.Number:
			b := c.Int(i)
			if b < 0 || b > 255 {
				c.Error("invalid number")
			}
			data = string([]byte{byte(b)})
		case vm.String:
			data = string(x)
		default:
			c.TypeError(i, "string")
		}
		if id == 0 {
			m.dev.Serial.Write(data)
		}
	}
	return 0
}

// maxCount is how many bytes a handler can wait for (fw: LUA_MAXINPUT).
const maxCount = 255

// on is uart.on("data", [count or end], [fn], [run_input]).
func (m *module) on(c *vm.Call) int {
	if method, ok := c.VM.ToString(c.Arg(1)); !ok || method != "data" {
		c.ArgError(1, "method not supported")
	}
	count, end, at := -1, byte(0), 2
	switch x := c.Arg(at).(type) {
	case vm.Number:
		count = c.Int(at)
		if count < 0 || count > maxCount {
			c.ArgError(at, "wrong arg range")
		}
		at++
	case vm.String:
		if len(x) != 1 {
			c.Error("wrong arg range")
		}
		end = x[0]
		at++
	}
	fn, ok := c.Arg(at).(*vm.Function)
	if !ok {
		c.VM.Unref(&m.handler)
		m.dev.Serial.OnData(-1, 0, true, nil)
		return 0
	}
	runInput := true
	if c.IsNumber(at+1) && c.Int(at+1) == 0 {
		runInput = false
	}
	c.VM.SetRef(&m.handler, fn, "uart data callback")
	m.dev.Serial.OnData(count, end, runInput, m.received)
	return 0
}

// received calls the handler.
func (m *module) received(data []byte) {
	v := m.dev.VM
	if m.handler != 0 {
		m.dev.Run("uart data", v.Deref(m.handler), vm.String(data))
	}
}

// alt is uart.alt(on): the port on its other pins, which makes no difference to
// who is connected to it here.
func (m *module) alt(c *vm.Call) int {
	c.Int(1)
	return 0
}

// fifodepth is uart.fifodepth([id, [direction]]): bytes in the FIFO, by default what
// UART 0 has received.
func (m *module) fifodepth(c *vm.Call) int {
	id := c.OptInt(1, 0)
	if id != 0 && id != 1 {
		c.ArgError(1, "Bad UART id; must be 0 or 1")
	}
	dir := c.OptInt(2, dirRX)
	if dir != dirRX && dir != dirTX {
		c.ArgError(2, "Invalid direction")
	}
	if id != 0 {
		return c.ReturnInt(0)
	}
	tx, rx := m.dev.Serial.Queued()
	if dir == dirTX {
		return c.ReturnInt(tx)
	}
	return c.ReturnInt(rx)
}
