package main

// The client beside what one writes by hand.
var clientRows = []row{{
	id: "P5", what: "client.SubmitProduct beside net/http and encoding/json by hand, over HTTP/2",
	measure: benchmark(".", "^BenchmarkSubmit$/^alternating$", "./client"),
	lines: []line{
		{"ns", ratio, goal{"≤", 1.15, "×"}},
		{"allocs", surplus, goal{"≤", 15, "allocs more"}},
	},
}}
