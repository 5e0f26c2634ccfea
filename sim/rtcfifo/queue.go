package rtcfifo

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/rtc"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The control block (fw: app/include/rtc/rtcfifo.h).
const (
	wordMagic = iota + 10
	wordInterval
	wordNextTime
	wordToTake
	wordPerBoot
	wordPlace // first | end<<8 | names<<16
	wordCount
	wordTail // where the next sample goes
	wordHead // the oldest one
	wordTailTime
	wordHeadTime // of the last one that was taken

	controlWords = 11
	magic        = 0x44695553

	defaultBegin = 32
	defaultEnd   = 128
	defaultNames = 5
)

// A sample's bits: value, seconds since the one before, decimals, name.
const (
	maxValue    = 1<<16 - 1
	sinceShift  = 16
	maxSince    = 1<<9 - 1
	scaleShift  = 25
	maxScale    = 1<<3 - 1
	nameShift   = 28
	maxNameBits = 1<<4 - 1
)

type sample struct{ time, value, decimals, name uint32 }

func (m *module) get(word uint32) uint32 {
	if word >= rtc.Words {
		return 0
	}
	return m.dev.RTC.Word[word]
}

func (m *module) set(word, x uint32) {
	if word < rtc.Words {
		m.dev.RTC.Word[word] = x
	}
}

func (m *module) place(begin, end, names uint32) { m.set(wordPlace, begin+end<<8+names<<16) }

func (m *module) begin() uint32 { return m.get(wordPlace) & 0xff }
func (m *module) end() uint32   { return m.get(wordPlace) >> 8 & 0xff }
func (m *module) names() uint32 { return m.get(wordPlace) >> 16 & 0xff }
func (m *module) first() uint32 { return m.begin() + m.names() }
func (m *module) head() uint32  { return m.get(wordHead) }

// next is where the sample after one is.
func (m *module) next(word uint32) uint32 {
	if word++; word >= m.end() {
		return m.first()
	}
	return word
}

// clear throws away all samples and names.
func (m *module) clear() {
	m.set(wordTail, m.first())
	m.set(wordHead, m.first())
	m.set(wordCount, 0)
	m.set(wordTailTime, 0)
	m.set(wordHeadTime, 0)
	for i := range m.names() {
		m.set(m.begin()+i, 0)
	}
}

// unpack is a sample out of its word.
func (m *module) unpack(word, time uint32) sample {
	return sample{
		time:     time,
		value:    word & maxValue,
		decimals: word >> scaleShift & maxScale,
		name:     m.get(m.begin() + word>>nameShift&maxNameBits),
	}
}

func since(word uint32) uint32 { return word >> sinceShift & maxSince }

// take removes the oldest sample.
func (m *module) take() (s sample, ok bool) {
	if m.get(wordCount) == 0 {
		return s, false
	}
	word := m.get(m.head())
	time := m.get(wordHeadTime) + since(word)
	s = m.unpack(word, time)
	m.set(wordHead, m.next(m.head()))
	m.set(wordHeadTime, time)
	m.set(wordCount, m.get(wordCount)-1)
	return s, true
}

// at returns the sample behind n others.
func (m *module) at(n uint32) (s sample, ok bool) {
	if m.get(wordCount) <= n {
		return s, false
	}
	at := m.head()
	word := m.get(at)
	time := m.get(wordHeadTime) + since(word)
	for i := range n {
		at = m.next(at)
		word = m.get(at)
		time += since(word)
		if !m.goesOn(i) {
			return s, false
		}
	}
	return m.unpack(word, time), true
}

// skip drops the n oldest.
func (m *module) skip(n uint32) {
	n = min(n, m.get(wordCount))
	at, time := m.head(), m.get(wordHeadTime)
	for i := range n {
		time += since(m.get(at))
		at = m.next(at)
		m.set(wordCount, m.get(wordCount)-1)
		if !m.goesOn(i) {
			return
		}
	}
	m.set(wordHead, at)
	m.set(wordHeadTime, time)
}

// goesOn reports whether a loop over samples has another turn after number i. Only one
// over more samples than there is room for, because somebody has written to the control
// block, takes time that counts; the watchdog ends it.
func (m *module) goesOn(i uint32) bool {
	const turns = 1 << 11 // about a millisecond
	if i%turns != turns-1 {
		return true
	}
	return m.dev.ETS.DelayUnfed(clock.Millisecond)
}

// nameIndex returns a name's number and reserves it, -1 when there is no room. A name of
// zeros is the first that is free, and does not reserve it.
func (m *module) nameIndex(name uint32) int {
	for i := range m.names() {
		switch at := m.begin() + i; m.get(at) {
		case name:
			return int(i)
		case 0:
			m.set(at, name)
			return int(i)
		}
	}
	return -1
}

// store adds a sample.
func (m *module) store(s sample) {
	index := m.nameIndex(s.name)
	if m.get(wordCount) == 0 {
		m.set(wordHeadTime, s.time)
		m.set(wordTailTime, s.time)
	}
	delta := s.time - m.get(wordTailTime)
	if index < 0 || delta > maxSince {
		m.hintLost(s, index)
		m.clear()
		m.set(wordHeadTime, s.time)
		m.set(wordTailTime, s.time)
		if delta > maxSince {
			delta = maxSince // the firmware's -1, in 9 bits
		}
		if index = m.nameIndex(s.name); index < 0 {
			return
		}
	}
	tail := m.get(wordTail)
	if m.head() == tail && m.get(wordCount) > 0 {
		m.take()
	}
	m.set(tail, s.value&maxValue|delta<<sinceShift|s.decimals&maxScale<<scaleShift|uint32(index)&maxNameBits<<nameShift)
	m.set(wordTail, m.next(tail))
	m.set(wordTailTime, s.time)
	m.set(wordCount, m.get(wordCount)+1)
}

// hintLost says why the queue is thrown away.
func (m *module) hintLost(s sample, index int) {
	lost, hints := m.get(wordCount), &m.dev.Inspect.Hints
	switch gap := int32(s.time - m.get(wordTailTime)); {
	case index < 0:
		hints.Here("rtcfifo.put: %q is a name more than sensor_count (%d): all %d samples are thrown away", unpackName(s.name), m.names(), lost)
	case gap < 0:
		hints.Here("rtcfifo.put: this sample is %d s older than the last one: all %d are thrown away, and it comes out %d s late", -gap, lost, maxSince)
	default:
		hints.Here("rtcfifo.put: the last sample is %d s old, and more than %d s do not fit: all %d are thrown away, and this one comes out %d s late", gap, maxSince, lost, maxSince)
	}
}
