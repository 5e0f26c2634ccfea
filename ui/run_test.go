package ui

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// countingScreen counts frames and notes when the terminal was given back.
type countingScreen struct {
	tcell.SimulationScreen
	mu       sync.Mutex
	frames   int
	restored int
}

func (s *countingScreen) Show() {
	s.mu.Lock()
	s.frames++
	s.mu.Unlock()
	s.SimulationScreen.Show()
}

func (s *countingScreen) Fini() {
	s.mu.Lock()
	s.restored++
	s.mu.Unlock()
	s.SimulationScreen.Fini()
}

func (s *countingScreen) counts() (frames, restored int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frames, s.restored
}

// live runs a world and its console as a program would.
type live struct {
	screen  *countingScreen
	world   *world.World
	console *Console
	ended   chan error
	worldOK chan struct{}
}

func startLive(t *testing.T, ctx context.Context, startup func(*device.Device)) *live {
	t.Helper()
	l := &live{
		screen: &countingScreen{SimulationScreen: tcell.NewSimulationScreen("UTF-8")},
		world:  world.New(1), ended: make(chan error, 1), worldOK: make(chan struct{}),
	}
	d := device.New(l.world, device.Config{Name: "device", Board: testBoard(), HostCPU: true, Startup: startup})
	c, err := New(Config{World: l.world, Device: d, Screen: l.screen})
	if err != nil {
		t.Fatal(err)
	}
	l.console = c
	l.world.Clock.SetSpeed(1)
	d.PowerOn()
	go func() {
		defer close(l.worldOK)
		defer c.Restore()
		l.world.Clock.Run(clock.Forever, false)
	}()
	go func() {
		l.ended <- c.Run(ctx)
		l.world.Clock.Stop()
	}()
	return l
}

func (l *live) wait(t *testing.T) {
	t.Helper()
	for range 2 {
		select {
		case err := <-l.ended:
			if err != nil {
				t.Error(err)
			}
			l.ended = nil
		case <-l.worldOK:
			l.worldOK = nil
		case <-time.After(5 * time.Second):
			t.Fatal("the console or the world did not end")
		}
	}
	if _, restored := l.screen.counts(); restored != 1 {
		t.Errorf("the terminal was given back %d times", restored)
	}
}

func TestRunQuits(t *testing.T) {
	l := startLive(t, context.Background(), func(*device.Device) {})
	l.screen.InjectKey(tcell.KeyF2, 0, 0)
	l.screen.InjectKey(tcell.KeyF10, 0, 0)
	l.wait(t)
	if !l.world.Clock.State().Paused {
		t.Error("the key before did nothing")
	}
}

func TestRunEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	l := startLive(t, ctx, func(*device.Device) {})
	cancel()
	l.wait(t)
}

func TestRunEndsWithTheWorld(t *testing.T) {
	l := startLive(t, context.Background(), func(*device.Device) {})
	l.world.Clock.Stop()
	l.wait(t)
}

// A device that prints without end must neither be slowed by the console nor make
// it draw more often than it says.
func TestFloodOfOutput(t *testing.T) {
	var printed int
	l := startLive(t, context.Background(), func(d *device.Device) {
		var print func()
		print = func() {
			for range 100 {
				printed++
				d.Emit(event.Output{Text: "the quick brown fox jumps over the lazy dog\r\n"})
			}
			d.PostTask(ets.Low, print)
		}
		print()
	})
	l.world.Clock.SetSpeed(clock.Max)
	start := time.Now()
	for frames := 0; frames < 5 && time.Since(start) < 10*time.Second; frames, _ = l.screen.counts() {
		time.Sleep(100 * time.Millisecond)
	}
	l.screen.InjectKey(tcell.KeyF10, 0, 0)
	l.wait(t)
	frames, _ := l.screen.counts()
	most := int(time.Since(start)/frameTime) + 2
	if frames < 5 || frames > most {
		t.Errorf("%d frames, want 5 to %d", frames, most)
	}
	if printed < 1000 {
		t.Errorf("the device printed %d lines only", printed)
	}
	t.Logf("%d frames, %d lines printed", frames, printed)
}

func TestBusyWorldIsSaidAndBounded(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.page().asked = time.Time{}
	h.page().pending = false
	h.c.tick() // asks; nobody answers
	h.wall = h.wall.Add(2 * busyAfter)
	h.c.dirty = true
	h.c.tick()
	if s := h.text(); !strings.Contains(s, "busy") {
		t.Errorf("a world that does not answer:\n%s", s)
	}
	for range 10 * maxPosted {
		h.press("F9")
	}
	if n := h.c.world.posted.Load(); n != maxPosted {
		t.Errorf("%d functions wait for a world that does not run", n)
	}
	h.pump()
	if n := h.c.world.posted.Load(); n != 0 {
		t.Errorf("%d functions left after the world ran", n)
	}
}

// Keys are answered while Lua does not return.
func TestKeysWhileTheWorldIsBusy(t *testing.T) {
	var released atomic.Bool
	busy := make(chan struct{})
	l := startLive(t, context.Background(), func(d *device.Device) {
		close(busy)
		for !released.Load() { // as a program that never returns
		}
	})
	<-busy
	for range 5 {
		before, _ := l.screen.counts()
		start := time.Now()
		l.screen.InjectKey(tcell.KeyF6, 0, 0)
		for n := before; n == before; n, _ = l.screen.counts() {
			// A console that waited for the world would wait for ever; how
			// soon the frame comes is not for a test on a busy machine.
			if time.Since(start) > 10*time.Second {
				t.Fatal("no frame after a key")
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond)
	}
	l.screen.InjectKey(tcell.KeyF10, 0, 0)
	if err := <-l.ended; err != nil {
		t.Error(err)
	}
	released.Store(true)
	<-l.worldOK
}

func TestIdleConsoleDrawsOncePerSnapshot(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.c.world.clock().Pause()
	draws := 0
	for range 100 { // ten seconds of a paused world
		h.pump()
		select {
		case <-h.c.wake:
			h.c.news = true
		default:
		}
		last := h.c.drawn
		if h.c.tick(); h.c.drawn != last {
			draws++
		}
		h.wall = h.wall.Add(100 * time.Millisecond)
	}
	if draws < 5 || draws > 12 {
		t.Errorf("%d frames in ten seconds of a paused world, want one a second", draws)
	}
}

// BenchmarkFrame is what a frame of a large terminal costs, with nothing moving.
func BenchmarkFrame(b *testing.B) {
	t := &testing.T{}
	h := newHarness(t, "UTF-8", 140, 40)
	h.scene()
	for b.Loop() {
		h.c.draw()
	}
}

// A panic on the world's goroutine unwinds through Restore before it prints.
func TestPanicInTheWorldRestoresTheTerminal(t *testing.T) {
	l := startLive(t, context.Background(), func(*device.Device) {})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
			if _, restored := l.screen.counts(); restored != 1 {
				t.Errorf("the panic prints to a terminal that was given back %d times", restored)
			}
		}()
		defer l.console.Restore()
		panic("a bug")
	}()
	l.wait(t)
}
