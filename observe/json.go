package observe

import (
	"bufio"
	"encoding/json"
	"io"

	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// JSON writes every event as one line of JSON: t (virtual time in microseconds),
// dev, ev and data.
type JSON struct {
	w   *bufio.Writer
	enc *json.Encoder
	err error
}

// NewJSON returns a JSON subscriber that writes to w.
func NewJSON(w io.Writer) *JSON {
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	return &JSON{w: b, enc: enc}
}

// Handle is the subscriber.
func (j *JSON) Handle(e world.Event) {
	line := struct {
		Time   clock.Time      `json:"t"`
		Device string          `json:"dev"`
		Kind   string          `json:"ev"`
		Data   world.Happening `json:"data"`
	}{e.Time, e.Device, e.Data.Kind(), e.Data}
	if err := j.enc.Encode(line); err != nil && j.err == nil {
		j.err = err
	}
}

// Flush writes what is buffered and returns the first error met.
func (j *JSON) Flush() error {
	if err := j.w.Flush(); j.err == nil {
		j.err = err
	}
	return j.err
}
