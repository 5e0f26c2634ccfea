package project

import (
	"fmt"
	"time"
)

// Date is when the world begins. The zero value says nothing of it.
type Date struct {
	Time time.Time
	Host bool // the host's date
}

// hostDate is how the host's date is written.
const hostDate = "host"

// dateForms are what a date may look like. Without a zone it is UTC.
var dateForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// FirstDate and LastDate bound what a date can be: others have no place in the 32 bits that NTP and rtctime have for
// seconds.
var (
	FirstDate = time.Unix(0, 0).UTC()
	LastDate  = time.Date(2036, time.February, 7, 0, 0, 0, 0, time.UTC)
)

// ParseDate reads "2026-03-29T01:00:00+01:00", "2026-03-29 01:00" or "2026-03-29", which
// are UTC without a zone, or "host".
func ParseDate(text string) (Date, error) {
	if text == hostDate {
		return Date{Host: true}, nil
	}
	for _, form := range dateForms {
		t, err := time.Parse(form, text)
		if err != nil {
			continue
		}
		if t = t.UTC(); t.Before(FirstDate) || t.After(LastDate) {
			return Date{}, fmt.Errorf("write a date from %s to %s: NTP counts no others in 32 bits", FirstDate.Format(time.DateOnly), LastDate.Format(time.DateOnly))
		}
		return Date{Time: t}, nil
	}
	return Date{}, fmt.Errorf("write a date such as 2026-03-29, 2026-03-29T01:00:00 (UTC) or 2026-03-29T01:00:00+01:00, or %s for this computer's", hostDate)
}

// UnmarshalText is ParseDate.
func (d *Date) UnmarshalText(text []byte) error {
	var err error
	*d, err = ParseDate(string(text))
	return err
}

// Given reports whether anything is said of the date.
func (d Date) Given() bool { return d.Host || !d.Time.IsZero() }
