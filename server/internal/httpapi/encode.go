package httpapi

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// usualReply is more than the reply to a complete request takes.
const usualReply = 320

// encode writes the body of a 200. What encoding/json would write is written byte for byte, in a
// fraction of the time; lists with something in them are left to it.
func encode(r enablement.Request) ([]byte, error) {
	s := submission(r)
	p := &s.Product
	w := writer{text: make([]byte, 0, usualReply)}
	w.string(`{"product":{"id":`, p.ID)
	w.string(`,"client_id":`, p.ClientID)
	w.string(`,"product":`, string(p.Product))
	w.string(`,"status":`, string(p.Status))
	list(&w, `,"missing_requirements":{"documents":`, p.MissingRequirements.Documents)
	list(&w, `,"data":`, p.MissingRequirements.Data)
	w.raw(`}`)
	if p.RejectionCode != "" {
		w.string(`,"rejection_code":`, p.RejectionCode)
	}
	if p.RejectionDescription != "" {
		w.string(`,"rejection_description":`, p.RejectionDescription)
	}
	w.timestamp(`,"created_at":`, p.CreatedAt)
	w.timestamp(`,"updated_at":`, p.UpdatedAt)
	list(&w, `},"rejected_items":`, s.RejectedItems)
	w.raw(`}`)
	return w.text, w.err
}

// writer keeps the first error.
type writer struct {
	text []byte
	err  error
}

func (w *writer) raw(text string) { w.text = append(w.text, text...) }

func (w *writer) string(name, value string) {
	w.raw(name)
	if !plain(value) {
		w.json(value)
		return
	}
	w.raw(`"`)
	w.raw(value)
	w.raw(`"`)
}

func (w *writer) timestamp(name string, t api.Timestamp) {
	w.raw(name)
	if t.IsZero() {
		w.raw(`null`)
		return
	}
	w.raw(`"`)
	text, err := t.AppendText(w.text)
	w.keep(text, err)
	w.raw(`"`)
}

func list[T any](w *writer, name string, items []T) {
	w.raw(name)
	if len(items) == 0 {
		w.raw(`[]`)
		return
	}
	w.json(items)
}

func (w *writer) json(value any) {
	text, err := json.Marshal(value)
	w.keep(append(w.text, text...), err)
}

func (w *writer) keep(text []byte, err error) {
	if err == nil {
		w.text = text
	} else if w.err == nil {
		w.err = err
	}
}

// plain tells whether a string is written as it is.
func plain(s string) bool {
	for i := range len(s) {
		switch b := s[i]; {
		case b < ' ', b >= utf8.RuneSelf, b == '"', b == '\\', b == '<', b == '>', b == '&':
			return false
		}
	}
	return true
}
