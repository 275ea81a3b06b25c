// Package browsertest holds the tests of the built service's pages in a real browser. They need
// Chromium, which not every machine has, and so the build tag browser: make test-browser sets it and
// installs what is missing.
package browsertest
