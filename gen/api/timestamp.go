package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// timestampForm is the form the API writes: seconds, no zone, meaning UTC (seed).
const timestampForm = "2006-01-02T15:04:05"

// Timestamp is a moment of the API. It reads with and without a zone and a fraction of a second;
// without a zone it means UTC. It writes UTC in the API's own form, 2026-04-15T10:30:00.
type Timestamp struct{ time.Time }

// NewTimestamp returns t as the API writes it: in UTC, to the second.
func NewTimestamp(t time.Time) Timestamp {
	return Timestamp{t.UTC().Truncate(time.Second)}
}

// ParseTimestamp reads a moment in any of the forms the API uses. As in writing, a year outside of 0
// to 9999 in UTC is an error.
func ParseTimestamp(text string) (Timestamp, error) {
	// Parse takes a fraction after the seconds whether the layout has one or not.
	for _, form := range []string{timestampForm, timestampForm + "Z07:00"} {
		if t, err := time.Parse(form, text); err == nil {
			read := Timestamp{t.UTC()}
			if err := read.checkYear(); err != nil {
				return Timestamp{}, err
			}
			return read, nil
		}
	}
	return Timestamp{}, fmt.Errorf("timestamp is not of the form %s, with or without a fraction and a zone", timestampForm)
}

// String returns the moment as the API writes it.
func (t Timestamp) String() string {
	return t.UTC().Format(timestampForm)
}

// AppendText implements [encoding.TextAppender]. A year outside of 0 to 9999 is an error.
func (t Timestamp) AppendText(b []byte) ([]byte, error) {
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

// checkYear refuses what the form has no four digits for. The zone can carry a year out of them.
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
