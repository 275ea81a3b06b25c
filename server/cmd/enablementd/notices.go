package main

import (
	_ "embed"
	"io"
)

// notices are the licences of what the program is built from; most of them ask to be passed on with it.
// `make generate` writes them.
//
//go:embed notices.txt
var notices string

type noticesCmd struct{}

func (noticesCmd) Run(std streams) error {
	_, err := io.WriteString(std.out, notices)
	return err
}
