package wire

import (
	"net"
	"time"
)

// Spare sets how long an idle connection is spared.
func Spare(l net.Listener, d time.Duration) { l.(*listener).spared = d }
