package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
)

// photoOf returns a JPEG of so many bytes: what is behind the picture's end nobody looks at.
func photoOf(size int) []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 64)), nil) // to memory: can't fail
	noise := make([]byte, size-b.Len())
	for i := range noise {
		noise[i] = byte(rand.Uint32()) //nolint:gosec // any bits will do
	}
	return append(b.Bytes(), noise...)
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peak is the most memory that a process has had so far, in bytes.
func peak(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	match := highWater.FindSubmatch(status)
	if match == nil {
		return 0, fmt.Errorf("process %d tells no VmHWM", pid)
	}
	kib, err := strconv.ParseInt(string(match[1]), 10, 64)
	return kib << 10, err
}
