package ui

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/gdamore/tcell/v2"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// Config says what the console shows.
type Config struct {
	World *world.World // required
	// Device is the one shown first; default the world's first. The others can be
	// switched to. The world must have them all by now.
	Device *device.Device
	// Title stands before the board's name, for instance the app's directory.
	Title string
	// Published are the ports that the host forwards, as they should be read:
	// "127.0.0.1:8080 → tcp port 80".
	Published []string
	// StateDir is the directory in which the prompt's history and saved logs are
	// kept, made when it is first needed; see StateDir. Empty: nothing is kept.
	StateDir string
	// SaveHeap writes a heap snapshot to a file of its choice. It runs on the world's
	// goroutine. nil: snapshots are only shown.
	SaveHeap func(*snapshot.Snapshot) (file string, err error)
	// Restart brings changed files of the app's directory to the device and
	// restarts it. It runs on a goroutine of its own. nil: there is no such
	// directory.
	Restart func()
	// Screen is the terminal; nil opens the process's own. New initialises it.
	Screen tcell.Screen

	now func() time.Time // wall time; tests set it
}

// Console is the full-screen view of a world's devices, one at a time. Its
// exported methods may be called from any goroutine.
type Console struct {
	cfg      Config
	terminal *terminal
	wake     chan struct{} // capacity 1: a feed or the inbox is no longer empty
	inbox    inbox
	world    requests
	devices  devices

	// What follows belongs to the goroutine of Run.

	window window
	header header
	footer footer
	prompt prompt
	paste  paste
	boxes  boxes

	pace    paceActions
	board   boardActions
	network networkActions
	heap    heapActions
	sockets socketActions
	pins    pinActions
	log     logActions

	drawn time.Time
	news  bool // something has come from another goroutine
	dirty bool // the screen must be drawn
	quit  bool
}

// frameTime is the least wall time between two frames.
const frameTime = time.Second / 30

// New opens the terminal and subscribes to the world's events. Call it before the
// world runs, or on the world's goroutine; before the device is powered on, if its
// boot is to be seen. The error says that the terminal cannot be used.
func New(cfg Config) (*Console, error) {
	if cfg.World == nil || len(device.In(cfg.World)) == 0 {
		panic("ui: Config without a World or a Device")
	}
	if cfg.now == nil {
		cfg.now = time.Now
	}
	c := &Console{cfg: cfg, wake: make(chan struct{}, 1), dirty: true}
	c.inbox.wake = c.wake
	c.world = requests{world: cfg.World, inbox: &c.inbox, say: c.say}
	var err error
	if c.terminal, err = openTerminal(cfg.Screen, c.say); err != nil {
		return nil, err
	}
	c.devices = devices{boxes: &c.boxes, say: c.say}
	c.window = window{devices: &c.devices}
	c.header = header{cfg: &c.cfg, devices: &c.devices, network: &c.network, board: &c.board}
	with := actor{devices: &c.devices, world: &c.world, boxes: &c.boxes, say: c.say}
	c.prompt = newPrompt(with, &c.window, cfg.StateDir)
	c.pace = paceActions{cfg.World.Clock}
	c.board = boardActions{actor: with, cfg: &c.cfg}
	c.network = networkActions{actor: with}
	c.heap = heapActions{actor: with, cfg: &c.cfg}
	c.sockets = socketActions{with}
	c.pins = pinActions{with}
	c.log = logActions{actor: with, cfg: &c.cfg, terminal: c.terminal}
	for _, d := range device.In(cfg.World) {
		p := newPage(d, c.wake)
		c.devices.all = append(c.devices.all, p)
		if c.devices.shown == nil || d == cfg.Device {
			c.devices.shown = p
		}
		cfg.World.Subscribe(p.feed.event)
	}
	return c, nil
}

// Run shows the console until the user quits, ctx ends, a signal ends the program
// or the terminal goes away; then it restores the terminal and returns. The caller
// runs the world's clock on another goroutine and stops it when Run has returned.
// The error, if any, is the terminal's.
func (c *Console) Run(ctx context.Context) error {
	defer c.Restore()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	events := make(chan tcell.Event, 64)
	done := make(chan struct{})
	defer close(done)
	go c.terminal.screen.ChannelEvents(events, done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !c.quit {
		var idle time.Duration
		if !c.terminal.use(func() { idle = c.tick() }) {
			return nil
		}
		timer.Reset(max(idle, 0))
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-events:
			if !ok {
				return nil // Restore was called
			}
			if err, failed := e.(*tcell.EventError); failed {
				return fmt.Errorf("the terminal is gone: %w", err)
			}
			c.terminal.use(func() { c.handle(e) })
		case <-c.wake:
			c.news = true
		case <-timer.C:
		}
	}
	return nil
}

// Restore gives the terminal back; later calls do nothing. Defer it on the
// goroutine that runs the world, so that a panic there prints to a sane terminal.
func (c *Console) Restore() {
	c.devices.close()
	c.terminal.restore()
}

// tick asks for a snapshot and draws, if it is time to, and returns how long
// nothing needs to be done.
func (c *Console) tick() time.Duration {
	now := c.cfg.now()
	c.devices.askSnapshots(c.world.clock(), now)
	c.devices.shown.typist.typeNext(now, &c.world)
	if c.footer.expire(now) || c.devices.shown.busy(now) && now.Sub(c.drawn) >= time.Second {
		c.dirty = true
	}
	if c.dirty || c.news {
		if wait := frameTime - now.Sub(c.drawn); wait > 0 {
			return wait
		}
		c.takeIn()
		if c.dirty {
			c.draw()
			c.drawn, c.dirty = now, false
		}
	}
	return c.devices.shown.untilSnapshot(now)
}

// takeIn brings everything up to date with what has come from other goroutines.
// While the world is paused, and nothing else has happened, the screen stays as it
// is, but for a frame a second.
func (c *Console) takeIn() {
	now := c.cfg.now()
	changed := c.inbox.run()
	changed = c.devices.takeIn(now) || changed
	c.sockets.mendClosed()
	c.news = false
	c.dirty = c.dirty || changed || now.Sub(c.drawn) >= time.Second
}

// say shows a message in place of the footer.
func (c *Console) say(s string) {
	c.footer.say(s, c.cfg.now())
	c.dirty = true
}

// draw draws everything.
func (c *Console) draw() {
	full := c.terminal.clear()
	if full.w < leastWidth || full.h < leastHeight {
		full.text(0, 0, warn, "window too small")
		c.terminal.screen.Show()
		return
	}
	c.window.arrange(full.w, full.h)
	at := &c.window.layout
	c.header.draw(full.part(at.header), c.cfg.now())
	c.window.draw(full)
	prompt := at.panes[panePrompt]
	if q := c.boxes.question; q != nil {
		q.draw(full.part(prompt), c.boxes.menu == nil)
	} else {
		c.prompt.draw(full.part(prompt), c.scope() == inPrompt)
	}
	c.footer.draw(full.part(at.footer), c.scope(), c.window.focus, c.world.clock().State().Paused)
	c.boxes.draw(full, prompt)
	c.terminal.screen.Show()
}

// FilesChanged tells that files of the app's directory are not on the device as
// they are now, by name; none: they are. The console offers to restart.
func (c *Console) FilesChanged(files []string) {
	c.inbox.put(func() { c.board.filesChanged(files) })
}
