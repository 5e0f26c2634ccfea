package mqtt

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func TestBuild(t *testing.T) {
	two := subscribe(0x102)
	two.topic("a")
	two.byte(1)
	two.topic("bc")
	two.byte(2)
	for _, tt := range []struct {
		name string
		got  []byte
		want string
	}{
		{"connect", connect(connectInfo{id: "abc", keepalive: 60}), "100f00044d5154540400003c0003616263"},
		{"everything", connect(connectInfo{id: "i", user: "u", password: "p", willTopic: "t", willMessage: "m", willQoS: 2, willRetain: true, clean: true, keepalive: 0x10203}),
			"101900044d51545404f60203" + "000169" + "000174" + "00016d" + "000175" + "000170"},
		{"will without message", connect(connectInfo{id: "i", willTopic: "t", keepalive: 1}), "101200044d515454040400010001690001740000"},
		{"no id", connect(connectInfo{keepalive: 60}), ""},
		{"publish", publish("t", "hi", 0, 0, 0), "3005000174" + "6869"},
		{"qos and retain", publish("t", "hi", 1, 1, 0x1234), "3307000174" + "1234" + "6869"},
		{"qos 4 is 0 with an id", publish("t", "", 4, 2, 7), "3005000174" + "0007"},
		{"no topic", publish("", "hi", 0, 0, 0), ""},
		{"128 bytes", publish("t", strings.Repeat("x", 125), 0, 0, 0), "308001000174" + strings.Repeat("78", 125)},
		{"subscribe", two.packet(subscribePacket, 1, 0), "820b0102" + "00016101" + "0002626302"},
		{"pubrel", answer(pubrelPacket, 0x102), "62020102"},
		{"pubcomp", answer(pubcompPacket, 0x102), "70020102"},
		{"pingreq", bare(pingreqPacket), "c000"},
		{"disconnect", bare(disconnectPacket), "e000"},
	} {
		if got := hex.EncodeToString(tt.got); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if p := publish("t", strings.Repeat("x", maxPacket-3-2-1), 0, 0, 0); len(p) != maxPacket {
		t.Errorf("largest packet: %d bytes", len(p))
	}
	if p := publish("t", strings.Repeat("x", maxPacket-3-2), 0, 0, 0); p != nil {
		t.Errorf("a larger one: %d bytes", len(p))
	}
}

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name, packet   string
		total          int32
		id             uint16
		topic, payload string
	}{
		{"plain", "3005000174" + "6869", 7, 0, "t", "hi"},
		{"qos 1", "3207000174" + "1234" + "6869", 9, 0x1234, "t", "hi"},
		{"empty", "3003000174", 5, 0, "t", ""},
		{"cut in the payload", "3005000174" + "68", 7, 0, "t", "h"},
		{"cut before the id", "3207000174" + "12", 9, 0, "t", ""},
		{"cut in the topic", "30050003" + "6869", 7, 0, "", ""},
		{"topic longer than the packet", "30050009" + "686970", 7, 0, "", ""},
		{"one byte", "30", unknown, 0, "", ""},
		{"length cut", "3081", 3, 0, "", ""},
		{"two bytes of length", "308101" + "000174" + strings.Repeat("78", 126), 132, 0, "t", strings.Repeat("x", 126)},
		{"five bytes of length", "308080808008", 6 + -1<<31, 0, "", ""},
		{"nothing in it", "3000", 2, 0, "", ""},
		{"puback", "40020007", 4, 7, "", ""},
		{"short puback", "400100", 3, 0, "", ""},
		{"pingresp", "d000", 2, 0, "", ""},
	} {
		p, err := hex.DecodeString(tt.packet)
		if err != nil {
			t.Fatal(err)
		}
		if got := totalLength(p); got != tt.total {
			t.Errorf("%s: length %d, want %d", tt.name, got, tt.total)
		}
		if got := idOf(p); got != tt.id {
			t.Errorf("%s: id %d, want %d", tt.name, got, tt.id)
		}
		if topic, payload := publication(p); kindOf(p) == publishPacket && (string(topic) != tt.topic || string(payload) != tt.payload) {
			t.Errorf("%s: %q %q, want %q %q", tt.name, topic, payload, tt.topic, tt.payload)
		}
	}
}

// Whatever a broker sends can be read, within its own bytes.
func FuzzPacket(f *testing.F) {
	for _, p := range []string{"30050001746869", "320700017412346869", "308080808008", "30ffffffff7f0001", "40020007", "9003000180", "30"} {
		data, _ := hex.DecodeString(p)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) == 0 {
			return
		}
		totalLength(p)
		idOf(p)
		topic, payload := publication(p)
		if n := len(topic) + len(payload); n > len(p) {
			t.Errorf("%d bytes of %d", n, len(p))
		}
		if len(topic) > 0 && !bytes.Contains(p, topic) {
			t.Errorf("topic %q is not in the packet", topic)
		}
	})
}

// What is built can be read.
func FuzzBuild(f *testing.F) {
	f.Add("topic", "payload", uint8(1), uint16(1))
	f.Fuzz(func(t *testing.T, topic, payload string, qos uint8, id uint16) {
		p := publish(topic, payload, qos%3, 0, id)
		if p == nil {
			return
		}
		gotTopic, gotPayload := publication(p)
		if string(gotTopic) != topic || string(gotPayload) != payload || int(totalLength(p)) != len(p) || qos%3 > 0 && idOf(p) != id {
			t.Errorf("%x is %q %q", p, gotTopic, gotPayload)
		}
	})
}
