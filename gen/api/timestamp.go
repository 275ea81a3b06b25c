package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// timestampForm is the form the API writes: seconds, no zone, meaning UTC (seed).
const timestampForm = "2006-01-02T15:04:05"

// Timestamp is a moment in the API. It can be read with and without a zone and a fraction of a second;
// without a zone it is in UTC. It is written in UTC, in the API's own form: 2026-04-15T10:30:00. The zero
// value stands for no moment: IsZero is true, the text is empty, and the JSON is null.
type Timestamp struct{ time.Time }

// NewTimestamp returns t as the API writes it: in UTC, to the second.
func NewTimestamp(t time.Time) Timestamp {
	return Timestamp{t.UTC().Truncate(time.Second)}
}

// ParseTimestamp reads a moment in any form that [Timestamp] allows. A year outside of 0 to 9999 in UTC is an
// error.
func ParseTimestamp(text string) (Timestamp, error) {
	// Parse takes a fraction after the seconds whether the layout has one or not, also after a comma.
	if strings.Contains(text, ",") {
		return Timestamp{}, errForm
	}
	for _, zoned := range [...]string{text + "Z", text} { // RFC 3339, which package time is fast at
		if t, err := time.Parse(time.RFC3339, zoned); err == nil {
			read := Timestamp{t.UTC()}
			if err := read.checkYear(); err != nil {
				return Timestamp{}, err
			}
			return read, nil
		}
	}
	return Timestamp{}, errForm
}

var errForm = errors.New("timestamp is not of the form " + timestampForm + ", with or without a fraction and a zone")

// oddForm is what others write for the same moment: a space or a small t in place of the T, no seconds, a
// comma before the fraction, a zone without the colon or the minutes, or by name.
var oddForm = regexp.MustCompile(`^([0-9-]{10})[Tt ]([0-9]{2}:[0-9]{2})(?:(:[0-9]{2})(?:[.,]([0-9]{1,9}))?)? ?(?:(Z|z|UTC|GMT)|([+-][0-9]{2})(?::?([0-9]{2}))?)?$`)

// readOdd reads a moment from JSON that is not of the API's forms, and tells whether it could.
func (t *Timestamp) readOdd(data []byte) bool {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return false
	}
	part := oddForm.FindStringSubmatch(strings.TrimSpace(text))
	if part == nil {
		return false
	}
	read, err := ParseTimestamp(part[1] + "T" + part[2] + cmp.Or(part[3], ":00") + "." + cmp.Or(part[4], "0") +
		cmp.Or(part[6], "+00") + ":" + cmp.Or(part[7], "00"))
	if err == nil {
		*t = read
	}
	return err == nil
}

// String returns the moment as the API writes it.
func (t Timestamp) String() string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timestampForm)
}

// AppendText implements [encoding.TextAppender]. A year outside of 0 to 9999 is an error.
func (t Timestamp) AppendText(b []byte) ([]byte, error) {
	if t.IsZero() {
		return b, nil
	}
	if err := t.checkYear(); err != nil {
		return nil, err
	}
	b = t.UTC().AppendFormat(b, time.RFC3339) // which package time is fast at: ours, and a Z behind it
	return b[:len(b)-1], nil
}

// MarshalText implements [encoding.TextMarshaler].
func (t Timestamp) MarshalText() ([]byte, error) {
	return t.AppendText(make([]byte, 0, len(time.RFC3339)))
}

// checkYear refuses years without four digits. The zone can move a year out of them.
func (t Timestamp) checkYear() error {
	if year := t.UTC().Year(); year < 0 || year > 9999 {
		return fmt.Errorf("timestamp: year %d is outside of 0 to 9999", year)
	}
	return nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *Timestamp) UnmarshalText(text []byte) (err error) {
	*t, err = ParseTimestamp(string(text))
	return err
}

// MarshalJSON implements [json.Marshaler].
func (t Timestamp) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	text := append(make([]byte, 0, len(time.RFC3339)+2), '"')
	text, err := t.AppendText(text)
	if err != nil {
		return nil, err
	}
	return append(text, '"'), nil
}

// UnmarshalJSON implements [json.Unmarshaler]. Null leaves the value as it is, as in [time.Time].
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New("timestamp is not a string")
	}
	return t.UnmarshalText([]byte(text))
}
