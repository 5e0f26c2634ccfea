package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/app/hostserial"
	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// runFlags are the flags of run as they were given.
type runFlags struct {
	app      app.Options
	headless bool
	clock    string
	length   time.Duration
	speed    string
	events   string
	pcap     string
	expect   expectFlags
	verbose  bool
	memory   memoryFlags
	watch    bool
	input    string
	inputEOF string
	serial   serialFlags
	raw      bool
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [flags] [DIR...]",
		Short: "Boot a device with DIR as its flash and run its init.lua",
		Long: `Boot a device with the files of DIR as its flash file system and run its init.lua.
In a terminal the console opens. Without one, or with --headless, what the device
sends to its serial port goes to standard output and what the simulator has to say
to standard error. Standard input, where it is not a terminal, is typed at the serial
port as upload tools do: at the speed of the port, the next line when the device has
run the one before, nothing before the prompt. When the input has ended and each line
is answered, the run ends, unless --for, --expect, --publish or --watch decide that, or
--input-eof run; an input without a line, as /dev/null, ends nothing. As long as it is
open, a run in real time goes on. In virtual time the run is the same however slow the
input comes: device time stands still until the next line is there. Only a pipe from
which nothing at all has come after a second counts as no input there; --input - waits
for it.

An init.lua that does not compile is told with its line before the device starts, and
nothing runs (status 2); on a device it would be printed at the prompt. Without init.lua
the device has only its prompt.

DIR may hold a project file, nodemcu-sim.toml; flags go before what it says.

With --flash FILE the whole flash is in FILE, byte by byte, and stays there between runs:
the file system, LFS, the partition table and what Wi-Fi has stored. It is made for the
board if it is missing, or is a dump of a real chip; work on a copy, for it is written to.
Files of DIR are brought to it that are new or have changed since; else what is on the
flash stays. DIR may be left out. See nodemcu-sim flash and docs/flash.md.

Further DIRs are further devices on the same network, each with its own project
file; --publish, --flash-dir, --flash and --input mean the first. --heap-snapshot,
--heap-profile and --cpu-profile then write a file for each, with the device's name
before the extension: heap.json becomes heap-hub.json and heap-sensor.json. A link
between two devices may have a quality of its own: [[link.to]] in a project file.
--link and --link-down hold for the link between each device and everything else:
KEY=VALUE, separated by commas, of latency, jitter, queue and reorder_by (times),
bandwidth (such as 1mbit), loss, dup and reorder (percentages).

A run with --expect, --expect-re or --fail-on-error is a test, and ends as soon as the
program dies: on an error that nothing catches (in init.lua, a callback or a task; an
onerror function of the program's catches), on a panic, also for want of memory, and
on the reset of a watchdog or an exception. Restarts that the program asks for do not
count, and nothing does with --allow-reset. Texts are looked for in what the device
prints, not in the echo of what is typed; a prompt stands on the line of what is printed
after it, as in "> two". Where there are several devices, DEVICE:TEXT
is a text of one of them.

With --serial other programs use the device as one at a USB port: nodemcu-tool --port
/tmp/esp upload init.lua, where the run has --serial pty:/tmp/esp. docs/serial.md says
what each tool needs.

Exit status: 0 when the run ended as asked, or everything expected was seen; 1 when
something of --fail-on was seen, the program died in a test or with --on-panic exit, or
below --heap-budget; 2 when something given was wrong, init.lua does not compile, or
output can't be written; 42 when the time was up and something expected was missing;
130 when it was interrupted with something expected missing.`,
		Example: `  nodemcu-sim run examples/hello-http
  nodemcu-sim run --clock virtual --for 24h ./app
  nodemcu-sim run --headless --clock virtual --expect "test ok" --timeout 30s ./app
  nodemcu-sim run --headless --clock virtual --for 10m --fail-on-error ./app
  echo '=node.heap()' | nodemcu-sim run --clock virtual ./app
  nodemcu-sim run --serial pty:/tmp/esp ./app
  nodemcu-sim run --link latency=40ms,loss=1% --pcap net.pcapng ./server ./client`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && f.app.Flash == "" {
				return errors.New("run needs the directory that holds init.lua, as in nodemcu-sim run ./app; see nodemcu-sim run --help")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				f.app.Dir, f.app.Others = args[0], args[1:]
			}
			return f.run(c)
		},
	}
	fl := c.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.app.Board, "board", "", "board profile, see nodemcu-sim boards (default from the project file, else nodemcu-v1)")
	fl.StringArrayVar(&f.app.Publish, "publish", nil, "make a port of the device reachable: [HOST:]HOSTPORT:PORT[/udp], on 127.0.0.1 unless HOST is given; may be repeated")
	fl.StringVar(&f.app.Net, "net", "host", "what the device reaches outside: host (what this computer reaches, this computer itself as host.internal), isolated (nothing), or allow=HOST[:PORT],… (only that)")
	fl.StringVar(&f.app.LFS, "lfs", "", "what is in the Lua Flash Store at boot: a directory, of whose *.lua files an image is built, or an image that luac has made (default [lfs] dir of the project file); see docs/lfs.md")
	fl.StringVar(&f.app.FlashDir, "flash-dir", "", "write what changes on the flash back to this directory, as the program flushes or closes its files (DIR itself is never written unless it is named here)")
	fl.StringVar(&f.app.Flash, "flash", "", "keep the whole flash in this file, which is made if it is missing: file system, LFS, partition table, Wi-Fi settings")
	fl.StringVar(&f.app.CPU, "cpu", "", "what Lua costs: esp8266, or host, which takes no device time (default from the project file, else esp8266)")
	fl.BoolVar(&f.app.Legacy, "legacy", false, "give what programs older than firmware 3.0 call: tmr.alarm(0, 1000, 1, fn), wifi.sta.config(ssid, pwd), net.createServer(net.UDP), cjson …; see docs/builds.md")
	fl.BoolVar(&f.app.Legacy, "static-timers", false, "the same as --legacy")
	fl.StringVar(&f.app.OnPanic, "on-panic", "reboot", "after a panic or an error in a timer or task that nothing catches: reboot, halt or exit (with status 1, after an error in init.lua, too)")
	fl.Uint64Var(&f.app.Seed, "seed", 1, "seed of everything random")
	fl.StringVar(&f.app.Date, "date", "", "date at which the run begins, e.g. 2026-03-29T00:59:00 (UTC), or host; the network then has a time server that knows it (default from the project file; else this computer's, in virtual time 2026-01-01)")
	fl.StringVar(&f.app.Link, "link", "", "quality of the link between a device and everything else, e.g. latency=40ms,jitter=5ms,bandwidth=1mbit,loss=1%")
	fl.StringArrayVar(&f.app.LinkDown, "link-down", nil, "lose every packet from FROM to TO, in device time: FROM-TO, e.g. 30s-35s; may be repeated")
	fl.StringArrayVar(&f.app.WiFiDown, "wifi-down", nil, "switch the access points off from FROM to TO; may be repeated")
	fl.StringVar(&f.pcap, "pcap", "", "write every packet to this file, as pcapng with device time, for Wireshark")
	fl.StringVar(&f.clock, "clock", "real", "real: device time follows wall time; virtual: it jumps from event to event")
	fl.StringVar(&f.speed, "speed", "", "device seconds per second, or max (same as --clock virtual)")
	fl.DurationVar(&f.length, "for", 0, "end after this much device time, e.g. 90s or 24h")
	fl.BoolVar(&f.headless, "headless", false, "no console, even in a terminal")
	fl.StringVar(&f.input, "input", "", "what is typed at the serial port: a file, - for standard input, or none (default standard input where it is not a terminal)")
	fl.StringVar(&f.inputEOF, "input-eof", "", "when the input has ended and every line of it is answered: end, or run on (default end, unless --for, --expect, --publish or --watch decide)")
	f.serial.register(fl)
	fl.BoolVar(&f.raw, "raw-output", false, "print what the device sends as it is, with its line ends and control characters, not as text")
	fl.StringVar(&f.events, "events", "", "write every event to this file as a line of JSON")
	f.expect.register(fl)
	fl.BoolVar(&f.watch, "watch", false, "restart a device when files of its DIR change (without it the console offers to)")
	f.memory.register(fl)
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "report connections and pins too")
	c.ValidArgsFunction = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	for flag, values := range map[string][]string{
		"board": boards.Names(), "net": {"host", "isolated", "allow="}, "cpu": {"esp8266", "host"}, "clock": {"real", "virtual"},
		"on-panic": {"reboot", "halt", "exit"}, "input-eof": {"end", "run"},
	} {
		if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // there is no such flag
		}
	}
	if err := c.RegisterFlagCompletionFunc("serial", f.serial.complete); err != nil {
		panic(err) // there is no such flag
	}
	return c
}

// run checks the flags that are not the app's, builds the session and runs it.
func (f *runFlags) run(c *cobra.Command) error {
	speed, err := f.pace()
	if err != nil {
		return err
	}
	if f.length < 0 || f.expect.timeout < 0 {
		return fmt.Errorf("--for and --timeout take a duration above zero, such as 30s")
	}
	switch f.inputEOF {
	case "", "end", "run":
	default:
		return fmt.Errorf("--input-eof %q: use end or run", f.inputEOF)
	}
	if f.watch && f.app.Dir == "" {
		return errors.New("--watch looks at the files of DIR, and none is given")
	}
	if err := f.memory.apply(&f.app); err != nil {
		return err
	}
	if err := f.serial.parse(f, speed); err != nil {
		return err
	}
	if f.raw && len(f.app.Others) > 0 {
		return errors.New("--raw-output needs a run of one device: the bytes of several would be mixed up")
	}
	console := !f.headless && !f.raw && !f.serial.uses(hostserial.Stdio) && !f.expect.expects() && !f.expect.failOnError && isTerminal(os.Stdin) && isTerminal(os.Stdout)
	if console {
		f.app.Inspect.TrackAllocations = true // the console's heap snapshots name the places
	}
	input, err := openInput(f.inputName(), console)
	if err != nil {
		return err
	}
	f.app.HostDate, f.app.RealTime = time.Now(), speed != clock.Max
	a, err := app.New(f.app)
	if err != nil {
		return inFlags(err)
	}
	defer a.Close()
	a.World.Clock.SetSpeed(speed)
	lines, err := f.serial.open(a, input != nil, f.serialEnded(a.World.Clock.Stop))
	if err != nil {
		return err
	}
	s := &session{
		flags:   f,
		app:     a,
		out:     c.OutOrStdout(),
		err:     f.log(c.ErrOrStderr()),
		console: console,
		input:   input,
		lines:   lines,
	}
	err = s.run()
	closeLines(lines)
	if lost := a.Store(); lost != nil {
		return inFlags(lost)
	}
	return err
}

// inputName is --input, or "none" where something else is typed, or reads what would be.
func (f *runFlags) inputName() string {
	if f.input == "" && (f.serial.onFirst() || f.serial.uses(hostserial.Stdio)) {
		return "none"
	}
	return f.input
}

// log is where the simulator says what it has to say: w, with the carriage returns that a
// terminal needs whose keys all go to the device.
func (f *runFlags) log(w io.Writer) io.Writer {
	if f.serial.uses(hostserial.Stdio) && isTerminal(os.Stdin) {
		return rawTerminal{w}
	}
	return w
}

// serialEnded is what the end of standard input does where that is a serial port: it ends
// the run, unless something else decides when that is.
func (f *runFlags) serialEnded(stop func()) func() {
	if f.length != 0 || f.expect.expects() {
		return nil
	}
	return stop
}

// pace returns the speed that --clock and --speed ask for.
func (f *runFlags) pace() (float64, error) {
	switch f.clock {
	case "real", "virtual":
	default:
		return 0, fmt.Errorf("--clock %q: use real or virtual", f.clock)
	}
	switch {
	case f.speed == "max":
		return clock.Max, nil
	case f.speed != "" && f.clock == "virtual":
		return 0, fmt.Errorf("--speed %s needs --clock real: in virtual time there is no speed", f.speed)
	case f.speed != "":
		x, err := strconv.ParseFloat(f.speed, 64)
		if err != nil || !(x >= 0.01 && x <= 1000) {
			return 0, fmt.Errorf("--speed %q: use a factor from 0.01 to 1000, or max", f.speed)
		}
		return x, nil
	case f.clock == "virtual":
		return clock.Max, nil
	}
	return 1, nil
}

// flagOf names the flags of the app's options.
var flagOf = map[string]string{
	"CPU": "--cpu", "Date": "--date", "Flash": "--flash", "FlashDir": "--flash-dir", "LFS": "--lfs", "Link": "--link", "LinkDown": "--link-down", "Net": "--net",
	"OnPanic": "--on-panic", "Publish": "--publish", "Size": "--size", "WiFiDown": "--wifi-down",
}

// inFlags is an error of an option in the name of its flag.
func inFlags(err error) error {
	var o *app.OptionError
	if errors.As(err, &o) && flagOf[o.Option] != "" {
		return errors.New(o.Of(flagOf[o.Option]))
	}
	return err
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
