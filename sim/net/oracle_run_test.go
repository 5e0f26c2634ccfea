package net

import (
	"fmt"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// scriptDelay is how long after boot the scripts started.
const scriptDelay = 1003 * clock.Millisecond

// recorder makes the lists of a run.
type recorder struct {
	got   scenario
	start clock.Time
	end   clock.Time
	q     int
	over  bool
	clock *clock.Clock
	rel   relative
	lost  map[*wire.Packet]bool
	devs  []*scriptDevice

	fast, slow int // ticks of TCP
	ticks      []any
}

// scriptDevice is one device of a run with the helper functions of its script.
type scriptDevice struct {
	r      *recorder
	n      int
	d      *device.Device
	names  map[any]string
	anon   int
	halted string
	final  entry

	tx, rx       int          // packets sent and received
	txSet, rxSet map[int]bool // numbers of those that get lost
	busyAt       clock.Time
	busy         int // callbacks that ran then
}

// add appends to a list what happened at device time t. What began before the end
// of the measurement is in it to its own end.
func (r *recorder) add(list *[]entry, e entry, t clock.Time) {
	if r.over || r.clock.Now() > r.end {
		return
	}
	r.q++
	e["t"], e["q"] = int64(t.Sub(r.start)), r.q
	*list = append(*list, e)
}

// runScenario runs a scenario and returns what happened in the form of one.
// hostCPU makes Lua take no time, as in the measurement.
func runScenario(t *testing.T, s *scenario, hostCPU bool) *scenario {
	t.Helper()
	w := world.New(1)
	r := &recorder{clock: w.Clock, start: clock.At(scriptDelay), rel: relative{isn: map[[2]string]uint32{}}, lost: map[*wire.Packet]bool{}, ticks: []any{}}
	r.end = r.start.Add(clock.Duration(s.UntilMS) * clock.Millisecond)
	r.got.Trace, r.got.Wire, r.got.Peer = []entry{}, []entry{}, []entry{}

	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	roomy := *board
	roomy.Heap.Size = 1 << 20 // the measurement's Lua had no limit
	scripts := []string{s.Lua}
	if s.Lua1 != "" {
		scripts = append(scripts, s.Lua1)
	}
	// The wire's latency is that of the link, which the configuration may change.
	link := wire.NewLink(1)
	for n, lua := range scripts {
		sd := &scriptDevice{r: r, n: n, names: map[any]string{}}
		sd.txSet, sd.rxSet = map[int]bool{}, map[int]bool{}
		sd.d = device.New(w, device.Config{
			Name:    fmt.Sprintf("dev%d", n),
			Board:   &roomy,
			Modules: append(testModules(), device.Module{Name: "oracle", Open: sd.open}),
			HostCPU: hostCPU,
			// The measurement had neither the SDK's timers nor its Wi-Fi driver.
			ExactTimers:      true,
			UnlimitedReceive: true,
			BootDelay:        scriptDelay,
			OnPanic:          device.HaltOnPanic,
			WiFi:             radio.Config{Wired: netip.MustParsePrefix(fmt.Sprintf("192.168.1.%d/24", 10+n))},
			Startup:          func(d *device.Device) { sd.run(t, lua) },
		})
		r.devs = append(r.devs, sd)
	}
	for _, c := range s.Config {
		f := strings.Fields(c)
		for _, v := range f[1:] {
			n, err := strconv.Atoi(v)
			if err != nil {
				t.Fatalf("config %q", c)
			}
			switch f[0] {
			case "loss_tx":
				r.devs[0].txSet[n] = true
			case "loss_rx":
				r.devs[0].rxSet[n] = true
			case "bw_bps":
				link.Bandwidth = int64(n)
			case "latency_us":
				link.Latency = clock.Duration(n)
			default:
				t.Fatalf("config %q", c)
			}
		}
	}
	w.Wire.AddRule(link)
	w.Wire.AddRule(wire.RuleFunc(r.judge))
	w.Wire.Tap(r.tap)
	w.Subscribe(r.happened)
	pw := newPeerWorld(t, w.Wire, r.start, s.PeerScript, func(e entry) { r.add(&r.got.Peer, e, r.clock.Now()) })
	r.rel.peer = pw.initial
	addDNSServer(t, w.Wire, s.DNSScript)
	for _, sd := range r.devs {
		sd.d.PowerOn()
	}
	w.Clock.RunUntil(r.end)
	// What has become due while the CPU was busy over the end still belongs to it.
	for again := hostCPU; again && !r.over; {
		again = false
		for _, sd := range r.devs {
			if busy := sd.d.Now(); busy > r.end {
				r.end, again = busy, true
				w.Clock.RunUntil(r.end)
			}
		}
	}
	for _, sd := range r.devs {
		sd.end()
	}
	r.got.PeerFinal = pw.final()

	finals := []any{}
	for _, sd := range r.devs {
		finals = append(finals, sd.final)
	}
	r.got.Final = finals
	sort.SliceStable(r.ticks, func(i, j int) bool { return tickOrder(r.ticks[i]) < tickOrder(r.ticks[j]) })
	r.ticks = r.ticks[:min(len(r.ticks), 12)]
	r.got.Ticks = entry{"count": r.fast, "slow_count": r.slow, "first": r.ticks}
	return &r.got
}

// testModules is the firmware that the scenarios run on.
func testModules() []device.Module { return []device.Module{Module, tmr.Module, node.Module} }

// device returns the device behind a NIC, or nil.
func (r *recorder) device(n *wire.NIC) *scriptDevice {
	for _, sd := range r.devs {
		if n != nil && n.Name == sd.d.Name() {
			return sd
		}
	}
	return nil
}

// judge drops what the configuration wants lost.
func (r *recorder) judge(p wire.Passage, f *wire.Fate) {
	if r.lost[p.Packet] {
		f.Drop = "lost by number"
		return
	}
	if sd := r.device(p.To); sd != nil {
		if sd.rx++; sd.rxSet[sd.rx] {
			f.Drop = "lost by number"
			r.lost[p.Packet] = true
			r.packet(sd, "rx", p.Packet, r.clock.Now())
		}
	}
}

func (r *recorder) tap(e wire.Event) {
	switch e.Kind {
	case wire.Sent:
		if sd := r.device(e.From); sd != nil {
			sd.tx++
			r.lost[e.Packet] = sd.txSet[sd.tx]
			r.packet(sd, "tx", e.Packet, e.Time)
		}
	case wire.Delivered:
		if sd := r.device(e.To); sd != nil {
			r.packet(sd, "rx", e.Packet, e.Time)
		}
	}
}

func (r *recorder) packet(sd *scriptDevice, dir string, p *wire.Packet, t clock.Time) {
	if len(r.devs) > 1 {
		dir += strconv.Itoa(sd.n)
	}
	e := entry{"dir": dir}
	switch p.Proto {
	case wire.TCP:
		r.rel.describe(e, p)
		if p.TTL != 255 && strings.HasPrefix(dir, "tx") {
			e["ttl"] = p.TTL
		}
	case wire.UDP:
		e["proto"] = "udp"
		e["src"] = netip.AddrPortFrom(p.Src, p.SrcPort).String()
		e["dst"] = netip.AddrPortFrom(p.Dst, p.DstPort).String()
		e["len"] = len(p.Payload)
		if p.Len() > 1500 {
			e["ip_len"] = p.Len()
		}
	default:
		e["proto"] = int(p.Proto)
		e["src"], e["dst"] = p.Src.String(), p.Dst.String()
		e["len"], e["type"], e["code"] = p.Len()-20, p.Type, p.Code
	}
	if r.lost[p] {
		e["lost"] = true
	}
	dns := p.Proto == wire.UDP && (p.SrcPort == 53 || p.DstPort == 53)
	if p.Proto != wire.ICMP && !dns && len(p.Payload) > 0 && len(p.Payload) <= 20 {
		e["d"] = string(p.Payload)
	}
	r.add(&r.got.Wire, e, t)
}

// happened takes what the devices report.
func (r *recorder) happened(e world.Event) {
	for _, sd := range r.devs {
		if sd.d.Name() != e.Device {
			continue
		}
		switch data := e.Data.(type) {
		case event.Panic:
			sd.log(entry{"ev": "PANIC", "msg": "PANIC: unprotected error in call to Lua API (" + data.Message + ")"})
			sd.halted = "panic"
			sd.end()
		case event.Callback:
			sd.worked()
		case event.Restart:
			sd.log(entry{"ev": "system_restart"})
			sd.halted = "system_restart"
			sd.end()
			r.over = true
		}
	}
}

// busyLimit is how many callbacks may run at one instant before the measurement
// calls that a livelock and stops: 60 pieces of work with the script's own.
const busyLimit = 59

func (sd *scriptDevice) worked() {
	if now := sd.d.Now(); now != sd.busyAt {
		sd.busyAt, sd.busy = now, 0
	}
	if sd.busy++; sd.busy == busyLimit && !sd.r.over {
		sd.log(entry{"ev": "LIVELOCK", "why": "60 work items executed at one instant; oracle stops here"})
		sd.halted = "livelock"
		sd.end()
		sd.r.over = true
	}
}

func (sd *scriptDevice) log(e entry) {
	if len(sd.r.devs) > 1 {
		e["dev"] = sd.n
	}
	sd.r.add(&sd.r.got.Trace, e, sd.d.Now())
}

// run runs the script.
func (sd *scriptDevice) run(t *testing.T, lua string) {
	sd.d.Net.Stack().OnTick = func(slow bool) {
		if sd.d.Now() > sd.r.end {
			return
		}
		kind := "fast"
		sd.r.fast++
		if slow {
			kind = "fast+slow"
			sd.r.slow++
		}
		if len(sd.r.ticks) < 14 { // two more than are compared: see tickOrder
			tick := []any{int64(sd.d.Now().Sub(sd.r.start)), kind}
			if len(sd.r.devs) > 1 {
				tick = append(tick, sd.n)
			}
			sd.r.ticks = append(sd.r.ticks, tick)
		}
	}
	fn, err := sd.d.VM.Load([]byte(lua), "=script")
	if err != nil {
		t.Fatal(err)
	}
	if _, err, _ := sd.d.VM.Call(fn, 0); err != nil {
		t.Errorf("the script failed: %v", err)
	}
}

// end notes the device's state at the end of the measurement.
func (sd *scriptDevice) end() {
	if sd.final != nil {
		return
	}
	e := sd.stat()
	e["halted"] = sd.halted != ""
	if sd.halted != "" {
		e["halt_reason"] = sd.halted
	}
	e["lwip_heap_peak_bytes"] = sd.d.Net.Stack().Memory().Peak
	sd.final = e
}

// tickOrder sorts ticks of one instant by device, as the measurement has them.
func tickOrder(tick any) int64 {
	t := tick.([]any)
	n := t[0].(int64) * 2
	if len(t) > 2 {
		n += int64(t[2].(int))
	}
	return n
}

// stat describes the stack.
func (sd *scriptDevice) stat() entry {
	s := sd.d.Net.Stack()
	active := []any{}
	count := map[string]int{}
	udp := 0
	for _, c := range s.Netstat() {
		if c.Proto == wire.UDP {
			udp++
			continue
		}
		count[c.State]++
		switch c.State {
		case "LISTEN", "TIME_WAIT", "CLOSED":
		default:
			active = append(active, entry{"state": c.State, "lport": c.Local.Port(), "rport": c.Remote.Port(), "mss": c.MSS,
				"snd_buf": c.SendSpace, "snd_queuelen": c.QueueLen, "unsent": c.Unsent, "unacked": c.Unacked,
				"cwnd": c.Cwnd, "ssthresh": c.SSThresh, "snd_wnd": c.SendWindow, "rcv_wnd": c.RecvWindow,
				"rcv_ann_wnd": c.AnnouncedWindow, "rto": c.RTO, "nrtx": c.Retransmits})
		}
	}
	m := s.Memory()
	return entry{"lwip_heap_bytes": m.Bytes, "lwip_heap_blocks": m.Blocks, "active": active,
		"time_wait": count["TIME_WAIT"], "listen": count["LISTEN"], "bound": count["CLOSED"], "udp": udp}
}

// open gives the script its helper functions.
func (sd *scriptDevice) open(d *device.Device) *device.Lib {
	sd.watchCollector(d)
	for _, f := range []vm.Func{
		{Name: "L", Fn: sd.logEvent},
		{Name: "C", Fn: sd.logCall},
		{Name: "cb", Fn: sd.cb},
		{Name: "all", Fn: sd.all},
		{Name: "at", Fn: sd.at},
		{Name: "name", Fn: func(c *vm.Call) int {
			sd.names[c.VM.ToObject(c.Arg(1))] = c.String(2)
			return c.Return(c.Arg(1))
		}},
		{Name: "rep", Fn: func(c *vm.Call) int { return c.ReturnString(rep(c.Int(1))) }},
		{Name: "stat", Fn: func(c *vm.Call) int {
			e := sd.stat()
			e["ev"], e["label"] = "stat", sd.show(c.Arg(1))
			sd.log(e)
			return 0
		}},
		{Name: "print", Fn: func(c *vm.Call) int {
			sd.log(entry{"ev": "print", "s": c.String(1)})
			return 0
		}},
	} {
		d.VM.SetField(d.VM.Globals(), f.Name, d.VM.NewFunction(f))
	}
	return &device.Lib{}
}

// watchCollector logs when memory of objects is freed, and in what state a
// connection is that still points to one.
func (sd *scriptDevice) watchCollector(d *device.Device) {
	d.VM.OnFree = func(o any) {
		id, ok := sd.names[o]
		if !ok {
			return
		}
		e := entry{"ev": "collected", "on": id}
		for _, c := range d.Net.Stack().Netstat() {
			if c.Owner == o {
				e["dangling_pcb_state"] = c.State
			}
		}
		sd.log(e)
	}
}

func rep(n int) string { return strings.Repeat("abcdefghij", n/10) + strings.Repeat("z", n%10) }

// id returns the name of an object; those that the script never named are
// numbered as they appear.
func (sd *scriptDevice) id(ud *vm.UserData) string {
	o := sd.d.VM.ToObject(ud)
	if _, ok := sd.names[o]; !ok {
		sd.anon++
		sd.names[o] = fmt.Sprintf("u%d", sd.anon)
	}
	return sd.names[o]
}

// show returns a value as the traces have it.
func (sd *scriptDevice) show(x vm.Value) any {
	switch x := x.(type) {
	case vm.Number:
		return float64(x)
	case vm.Bool:
		return bool(x)
	case vm.String:
		if len(x) > 100 {
			return entry{"len": len(x), "head": string(x[:12])}
		}
		return string(x)
	case *vm.Function:
		return "<function>"
	case *vm.UserData:
		return "<" + sd.id(x) + ">"
	case *vm.Table:
		return []any{}
	}
	return nil
}

// event logs an event with arguments n… of the call.
func (sd *scriptDevice) event(name string, c *vm.Call, n int) {
	e := entry{"ev": name}
	if ud, ok := c.Arg(n).(*vm.UserData); ok {
		e["on"] = sd.id(ud)
		n++
	}
	var args []any
	for i := n; i <= c.NArgs(); i++ {
		args = append(args, sd.show(c.Arg(i)))
	}
	if args != nil {
		e["a"] = args
	}
	sd.log(e)
}

// logEvent is L(event, ...).
func (sd *scriptDevice) logEvent(c *vm.Call) int {
	sd.event(c.String(1), c, 2)
	return 0
}

// handler makes a logging handler.
func (sd *scriptDevice) handler(v *vm.VM, name string) *vm.Function {
	return v.NewFunction(vm.Func{Name: name, Fn: func(c *vm.Call) int {
		sd.event(name, c, 1)
		return 0
	}})
}

// cb is cb(event).
func (sd *scriptDevice) cb(c *vm.Call) int { return c.Return(sd.handler(c.VM, c.String(1))) }

// all is all(socket): it installs handlers for the five TCP events.
func (sd *scriptDevice) all(c *vm.Call) int {
	on := c.Index(c.Arg(1), vm.String("on"))
	for _, ev := range []string{"connection", "reconnection", "disconnection", "receive", "sent"} {
		c.Invoke(on, 0, c.Arg(1), vm.String(ev), sd.handler(c.VM, ev))
	}
	return 0
}

// at is at(ms, fn): fn runs at that time from a task of the lowest priority,
// after everything else that is due then.
func (sd *scriptDevice) at(c *vm.Call) int {
	fn := c.VM.Ref(c.Function(2), "at")
	when := sd.r.start.Add(clock.Duration(c.Int(1)) * clock.Millisecond)
	post := func() {
		sd.d.PostTask(ets.Low, func() {
			f := sd.d.VM.Deref(fn)
			sd.d.VM.Unref(&fn)
			sd.d.Run("at", f)
		})
	}
	sd.r.clock.At(when, func() {
		sd.r.clock.At(when, func() {
			if sd.halted == "" && sd.d.VM != nil {
				post()
			}
		})
	})
	return 0
}

// logCall is C(object, method, ...) or C("module.function", ...).
func (sd *scriptDevice) logCall(c *vm.Call) int {
	e := entry{}
	var args []vm.Value
	from := 2
	if ud, ok := c.Arg(1).(*vm.UserData); ok {
		e["call"], e["on"] = c.String(2), sd.id(ud)
		args = append(args, ud)
		from = 3
	} else {
		e["call"] = c.String(1)
	}
	shown := []any{}
	for i := from; i <= c.NArgs(); i++ {
		args = append(args, c.Arg(i))
		shown = append(shown, sd.show(c.Arg(i)))
	}
	e["a"] = shown
	sd.log(e)
	var fn vm.Value
	if from == 3 {
		fn = c.Index(c.Arg(1), c.Arg(2))
	} else { // the names become strings after the line was written, as in the measurement
		parts := strings.Split(c.String(1), ".")
		fn = c.Global(parts[0])
		for _, part := range parts[1:] {
			fn = c.Index(fn, vm.String(part))
		}
	}
	before := sd.d.Now()
	ret, err := c.PCall(fn, -1, nil, args...)
	if dt := sd.d.Now().Sub(before); dt > 0 {
		e["dt_us"] = int64(dt)
	}
	e["ok"] = err == nil
	if err != nil {
		e["err"] = err.Message()
		return 0
	}
	var results []any
	for _, v := range ret {
		results = append(results, sd.show(v))
	}
	if results != nil {
		e["r"] = results
	}
	return 0
}
