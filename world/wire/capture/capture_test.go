package capture_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire/capture"
)

// traffic runs a world in which everything happens that a capture can show, and
// returns the capture.
func traffic(t testing.TB, seed uint64) []byte {
	t.Helper()
	w := wire.New(clock.New())
	var file bytes.Buffer
	c, err := capture.Start(w, &file)
	if err != nil {
		t.Fatal(err)
	}
	link := wire.NewLink(seed)
	if link.Quality, err = wire.ParseQuality("latency=20ms,jitter=5ms,bandwidth=2mbit,loss=3%,dup=3%,reorder=3%"); err != nil {
		t.Fatal(err)
	}
	w.AddRule(link)
	a := peer.New(w, "a", netip.MustParsePrefix("10.0.0.1/24"))
	b := peer.New(w, "b", netip.MustParsePrefix("10.0.0.2/24"))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = b.Listen(40000, func(c *peer.Conn) { // a port without a dissector
		c.OnData = func(data []byte) { c.Write(data) }
	})
	must(err)
	conn, err := a.Dial(netip.MustParseAddrPort("10.0.0.2:40000"))
	must(err)
	got := 0
	conn.OnData = func(data []byte) {
		if got += len(data); got == 50000 {
			conn.Close()
		}
	}
	_, err = conn.Write(bytes.Repeat([]byte("0123456789"), 5000))
	must(err)
	refused, err := a.Dial(netip.MustParseAddrPort("10.0.0.2:81"))
	must(err)
	refused.OnClose = func(error) {}
	u, err := a.ListenUDP(7000)
	must(err)
	must(b.Join(netip.MustParseAddr("239.1.2.3")))
	for _, to := range []string{"10.0.0.2:9", "10.0.0.255:7001", "255.255.255.255:7001", "239.1.2.3:7001", "10.0.0.9:1"} {
		for _, n := range []int{0, 1, 1000, 5000} {
			must(u.SendTo(make([]byte, n), netip.MustParseAddrPort(to)))
		}
	}
	must(a.Ping(b.Addr(), 33, func(clock.Duration) {}))
	w.Clock().RunUntil(clock.At(60 * clock.Second))
	if got != 50000 {
		t.Errorf("%d bytes came back", got)
	}
	a.Ping(b.Addr(), 32, func(clock.Duration) {}) // under way at the end
	must(c.Close())
	return file.Bytes()
}

func TestDeterminism(t *testing.T) {
	one, two, other := traffic(t, 1), traffic(t, 1), traffic(t, 2)
	if !bytes.Equal(one, two) {
		t.Error("two runs differ")
	}
	if bytes.Equal(one, other) {
		t.Error("another seed gives the same capture")
	}
}

// TestReadBack reads the file with gopacket.
func TestReadBack(t *testing.T) {
	r, err := pcapgo.NewNgReader(bytes.NewReader(traffic(t, 1)), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	var packets, commented int
	last := int64(-1)
	for {
		data, ci, opts, err := r.ReadPacketDataWithOptions()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		packets++
		if now := ci.Timestamp.UnixMicro(); now < last {
			t.Errorf("packet %d goes back in time", packets)
		} else {
			last = now
		}
		if len(opts.Comments) > 0 {
			commented++
		}
		p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
		if e := p.ErrorLayer(); e != nil {
			t.Errorf("packet %d: %v", packets, e.Error())
		}
		eth := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
		if eth.SrcMAC.String() != "02:00:0a:00:00:01" && eth.SrcMAC.String() != "02:00:0a:00:00:02" {
			t.Errorf("packet %d from %v", packets, eth.SrcMAC)
		}
	}
	if packets < 80 || commented < 3 || commented > packets/3 {
		t.Errorf("%d packets, %d with comments", packets, commented)
	}
	if last != 60e6 {
		t.Errorf("last packet at %d", last)
	}
}

// TestComments checks what is said of each fate.
func TestComments(t *testing.T) {
	w := wire.New(clock.New())
	var file bytes.Buffer
	c, err := capture.Start(w, &file)
	if err != nil {
		t.Fatal(err)
	}
	nics := map[string]*wire.NIC{}
	for i, name := range []string{"a", "b", "c"} {
		nics[name] = w.Attach(name, func(*wire.Packet) {})
		nics[name].SetPrefix(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 24))
	}
	nics["b"].MAC = [6]byte{1: 1, 5: 5}
	send := func(dst string) {
		nics["a"].Send(&wire.Packet{Src: nics["a"].Prefix().Addr(), Dst: netip.MustParseAddr(dst), Proto: wire.UDP, SrcPort: 1, DstPort: 2})
	}
	send("10.0.0.2")
	send("10.0.0.9")
	drop := w.AddRule(&wire.LoseNth{Numbers: []int{1, 3}})
	send("10.0.0.2")
	send("10.0.0.255") // to b and to c
	drop()
	twice := wire.NewLink(1)
	twice.Duplicate = 1
	drop = w.AddRule(twice)
	send("10.0.0.2")
	drop()
	send("10.0.0.3")
	nics["c"].Gate = func() string { return "Wi-Fi down" }
	w.Clock().RunUntil(clock.At(clock.Second))
	nics["c"].Send(&wire.Packet{Src: nics["c"].Prefix().Addr(), Dst: nics["a"].Prefix().Addr(), Proto: wire.UDP})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	send("10.0.0.2") // after the end
	r, err := pcapgo.NewNgReader(&file, pcapgo.NgReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		data, _, opts, err := r.ReadPacketDataWithOptions()
		if err != nil {
			break
		}
		got = append(got, fmt.Sprintf("%x %s", data[:6], strings.Join(opts.Comments, "; ")))
	}
	want := []string{
		"000100000005 ",
		"02000a000009 dropped: no host 10.0.0.9",
		"000100000005 dropped on the way to b: lost by number",
		"ffffffffffff dropped on the way to c: lost by number",
		"000100000005 duplicated on the way to b",
		"02000a000003 dropped on the way to c: Wi-Fi down",
		"02000a000001 dropped: Wi-Fi down",
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
}

// failing is a file on a full disk.
type failing struct{ n int }

func (f *failing) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

func TestWriteError(t *testing.T) {
	w := wire.New(clock.New())
	c, err := capture.Start(w, &failing{4000})
	if err != nil {
		t.Fatal(err)
	}
	a := peer.New(w, "a", netip.MustParsePrefix("10.0.0.1/24"))
	u, _ := a.ListenUDP(7)
	for range 100 {
		u.SendTo(make([]byte, 1000), netip.MustParseAddrPort("10.0.0.2:7"))
	}
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
}

// TestTshark has Wireshark's own dissectors look at every packet.
func TestTshark(t *testing.T) {
	need.Program(t, "tshark")
	name := filepath.Join(t.TempDir(), "capture.pcapng")
	if err := os.WriteFile(name, traffic(t, 1), 0o666); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("tshark", append([]string{"-r", name, "-n", "-o", "ip.check_checksum:TRUE",
			"-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("tshark: %v\n%s", err, stderr.String())
		}
		return string(out)
	}
	if bad := run("-Y", "_ws.malformed || _ws.short || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0"); bad != "" {
		t.Errorf("malformed packets or bad checksums:\n%s", bad)
	}
	var fields []string
	for _, f := range []string{"ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status", "tcp.options.mss_val",
		"frame.comment", "eth.dst", "tcp.analysis.retransmission", "frame.time_epoch", "icmp.type", "icmp.code"} {
		fields = append(fields, "-e", f)
	}
	lines := run(append([]string{"-T", "fields", "-E", "separator=|", "-E", "occurrence=f"}, fields...)...)
	for pattern, least := range map[string]int{
		`^1\|`:                   80, // checksums verified as good, not left unverified
		`^1\|1\|`:                50,
		`^1\|\|1\|`:              15,
		`^1\|\|\|1\|`:            1,
		`^1\|1\|\|\|1460\|`:      2,
		`link loss`:              1,
		`duplicated`:             1,
		`\|ff:ff:ff:ff:ff:ff\|`:  8,
		`\|01:00:5e:01:02:03\|`:  4,
		`\|1\|[0-9.]*\|\|$`:      1, // a retransmission
		`\|60\.000000000\|8\|0$`: 1, // the echo request at the end
		`\|3\|3$`:                4, // port unreachable
	} {
		if n := len(regexp.MustCompile("(?m)"+pattern).FindAllString(lines, -1)); n < least {
			t.Errorf("%d packets with %s, want %d or more", n, pattern, least)
		}
	}
}
