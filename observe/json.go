package observe

import (
	"bufio"
	"encoding/json"
	"io"

	"github.com/nodemcu-sim/nodemcu-sim/device"
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
func (j *JSON) Handle(e device.Event) {
	if err := j.enc.Encode(e); err != nil && j.err == nil {
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
