// Package storebench measures the stores side by side, and how they do when a million requests are
// stored. It has nothing but tests and benchmarks; see `make bench-growth`, `make bench-prune` and `make bench-store`.
package storebench
