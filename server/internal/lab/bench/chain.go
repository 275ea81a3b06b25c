package main

import "context"

// The chain beside generated servers, without a listener.
var chainRows = []row{
	{
		id: "P1", what: "a call through the whole chain, beside ogen", measure: besideRivals("P1"),
		lines: []line{
			{"ns", ratio, goal{"≤", 0.9, "×"}},
			{"allocs", alone, goal{"≤", 30, "allocs"}},
		},
	},
	{
		id: "P2", what: "the same with responses validated, beside ogen without", measure: besideRivals("P2"),
		lines: []line{{"ns", ratio, goal{"≤", 1.2, "×"}}},
	},
	{
		id: "P2b", what: "the same beside oapi-codegen's strict server with nethttp-middleware", measure: besideRivals("P2b"),
		lines: []line{{"ns", ratio, goal{"≤", 0.7, "×"}}},
	},
	{
		id: "P9a", what: "creating a client through the whole chain, beside ogen", measure: besideRivals("P9a"),
		lines: []line{{"ns", ratio, goal{"≤", 1.2, "×"}}},
	},
	{
		id: "P9b", what: "updating a client through the whole chain, beside ogen", measure: besideRivals("P9b"),
		lines: []line{{"ns", ratio, goal{"≤", 1.2, "×"}}},
	},
}

const rivals = "server/internal/lab/bench/rivals"

// besideRivals measures by a benchmark of the module that the rivals are in.
func besideRivals(id string) func(context.Context, int) (samples, error) {
	measure := benchmark(rivals, "^Benchmark"+id+"$", ".")
	return func(ctx context.Context, rounds int) (samples, error) {
		for _, args := range [][]string{{"generate", "-C", rivals}, {"test", "-C", rivals, "./..."}} { // who does less is no rival
			if _, err := command(ctx, "go", args...); err != nil {
				return nil, err
			}
		}
		return measure(ctx, rounds)
	}
}
