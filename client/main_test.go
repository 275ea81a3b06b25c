package client_test

import (
	"io"
	"log"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet is the log of servers that are treated badly on purpose.
var quiet = log.New(io.Discard, "", 0)
