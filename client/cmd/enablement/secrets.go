package main

import (
	"bytes"
	"io"
)

// secrets are what is never written, whoever repeats it: a server may, in any field.
type secrets struct{ texts []string }

func (s *secrets) hide(texts ...string) {
	for _, text := range texts {
		if text != "" {
			s.texts = append(s.texts, text)
		}
	}
}

// masked writes what it is given, but for the secrets. Each of them must be within one Write.
type masked struct {
	to      io.Writer
	secrets *secrets
}

func (m masked) Write(text []byte) (int, error) {
	shown := text
	for _, secret := range m.secrets.texts {
		shown = bytes.ReplaceAll(shown, []byte(secret), []byte("[redacted]"))
	}
	if _, err := m.to.Write(shown); err != nil {
		return 0, err
	}
	return len(text), nil
}
