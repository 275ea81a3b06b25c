package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strconv"
)

const (
	sqlite   = "sqlite"
	postgres = "postgres"
)

// The service over HTTP, its workers running, beside the plain statements of a submission.
var throughputRows = []row{
	{
		id: "P3", what: "submissions over HTTP on PostgreSQL, beside pgbench with the plain statements",
		measure: each(throughput(postgres, "-clients 8"), throughput(postgres, "-clients 32")),
		lines: []line{
			{"submits/s-by-8", ratio, goal{"≥", 0.4, "×"}},
			{"submits/s-by-32", ratio, goal{"≥", 0.6, "×"}},
		},
	},
	{
		id: "P4", what: "submissions over HTTP on SQLite, beside a loop over the driver with the plain statements",
		measure: throughput(sqlite, "-clients 8"),
		lines:   []line{{"submits/s-by-8", ratio, goal{"≥", 0.5, "×"}}},
	},
}

// The store alone, with much in it.
var storeRows = []row{
	{
		id: "P6", what: "a submission with 1000000 requests stored, beside one with 1000: p50",
		measure: each(compared("Growth", sqlite), compared("Growth", postgres)),
		lines:   []line{{"µs-sqlite", ratio, goal{"≤", 1.2, "×"}}, {"µs-postgres", ratio, goal{"≤", 1.2, "×"}}},
	},
	{
		id: "P6b", what: "a submission with 100000 notifications queued, beside one with none: p50",
		measure: each(compared("Queued", sqlite), compared("Queued", postgres)),
		lines:   []line{{"µs-sqlite", ratio, goal{"≤", 1.2, "×"}}, {"µs-postgres", ratio, goal{"≤", 1.2, "×"}}},
	},
	{
		id: "P10", what: "listing the products of a client with 1000000 requests stored, beside one with 1000: p50",
		measure: each(compared("Listing", sqlite), compared("Listing", postgres)),
		lines:   []line{{"µs-sqlite", ratio, goal{"≤", 1.2, "×"}}, {"µs-postgres", ratio, goal{"≤", 1.2, "×"}}},
	},
}

// Photos of documents, which are large.
var uploadRows = []row{{
	id: "P12", what: "photos that the store keeps, beside the driver alone with the same chunks",
	measure: func(ctx context.Context, rounds int) (samples, error) { return storebench(ctx, "Upload", rounds) },
	lines:   []line{{"MB/s-sqlite", ratio, goal{"≥", 0.6, "×"}}, {"MB/s-postgres", ratio, goal{"≥", 0.6, "×"}}},
}}

// The queue of one process.
var deliveryRows = []row{{
	id: "P8", what: "notifications delivered to a provider on the same machine, beside River working empty jobs",
	measure: each(delivered(sqlite), delivered(postgres)),
	lines: []line{
		{"deliveries/s-sqlite", ratio, goal{"≥", 1.2, "×"}},
		{"deliveries/s-postgres", ratio, goal{"≥", 1.5, "×"}},
	},
}}

type measurement = func(ctx context.Context, rounds int) (samples, error)

// each makes measurements one after the other.
func each(measurements ...measurement) measurement {
	return func(ctx context.Context, rounds int) (samples, error) {
		all := samples{}
		for _, measure := range measurements {
			s, err := measure(ctx, rounds)
			if err != nil {
				return nil, err
			}
			maps.Copy(all, s)
		}
		return all, nil
	}
}

// throughput measures by the command of that name, with flags.
func throughput(database, flags string) measurement {
	return func(ctx context.Context, rounds int) (samples, error) {
		dir, err := os.MkdirTemp("", "bench-")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		location := filepath.Join(dir, "bench.db")
		if database == postgres {
			location = "$TEST_DATABASE_URL"
		}
		output, err := command(ctx, ".ci/postgres", "run", "sh", "-c",
			"go run ./server/internal/lab/throughput -db "+location+" "+flags+
				" -rounds "+strconv.Itoa(rounds)+" bin/enablementd")
		if err != nil {
			return nil, err
		}
		return parse(output)
	}
}

// storebench runs a benchmark of that package so often.
func storebench(ctx context.Context, pattern string, count int) (samples, error) {
	output, err := command(ctx, ".ci/postgres", "run", "go", "test", "-run", "^$", "-bench", pattern, "-benchtime", "1x",
		"-count", strconv.Itoa(count), "-timeout", "1h", "./server/internal/lab/storebench")
	if err != nil {
		return nil, err
	}
	return parse(output)
}

// compared measures by a benchmark that makes many rounds in one, with two databases of which one has more
// in it.
func compared(what, database string) measurement {
	return func(ctx context.Context, _ int) (samples, error) {
		s, err := storebench(ctx, what+"/"+database, 1)
		return samples{"ours-µs-" + database: s["loaded-µs"], "theirs-µs-" + database: s["base-µs"]}, err
	}
}

// delivered measures by a benchmark, once for each round.
func delivered(database string) measurement {
	return func(ctx context.Context, rounds int) (samples, error) {
		s, err := storebench(ctx, "Deliver/"+database, rounds)
		return samples{
			"ours-deliveries/s-" + database:   s["deliveries/s"],
			"theirs-deliveries/s-" + database: s["empty-jobs/s"],
		}, err
	}
}
