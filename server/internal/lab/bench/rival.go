package main

import "context"

// The service over HTTP, its workers running, beside the one that a good engineer writes in a week: rivals/week.
var rivalRows = []row{
	{
		id: "P3r", what: "submissions over HTTP on PostgreSQL, beside the service of a week",
		measure: besideRival(throughput(postgres, "-clients 8"+week), throughput(postgres, "-clients 32"+week)),
		lines:   againstRival,
	},
	{
		id: "P4r", what: "submissions over HTTP on SQLite, beside the service of a week",
		measure: besideRival(throughput(sqlite, "-clients 8"+week), throughput(sqlite, "-clients 32"+week)),
		lines:   againstRival,
	},
	{
		id: "P11", what: "a submission at half of the load that both services bear, beside the service of a week: p99",
		measure: besideRival(throughput(sqlite, "-clients 32 -paced"+week), throughput(postgres, "-clients 32 -paced"+week)),
		lines:   []line{{"ms-p99-sqlite", ratio, goal{"≤", 0.7, "×"}}, {"ms-p99-postgres", ratio, goal{"≤", 0.7, "×"}}},
	},
}

var againstRival = []line{
	{"submits/s-by-8", ratio, goal{"≥", 1.3, "×"}},
	{"submits/s-by-32", ratio, goal{"≥", 2, "×"}},
}

// week has throughput measure the rival.
const week = " -rival bin/week"

// besideRival builds the rival and tests that it does the same, and measures then.
func besideRival(measurements ...measurement) measurement {
	return func(ctx context.Context, rounds int) (samples, error) {
		for _, args := range [][]string{{"build", "-C", rivals, "-o", "../../../../../bin/week", "./week"}, {"test", "-C", rivals, "./week"}} {
			if _, err := command(ctx, "go", args...); err != nil {
				return nil, err
			}
		}
		return each(measurements...)(ctx, rounds)
	}
}
