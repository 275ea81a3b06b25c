// Package cassette records calls of the API in a file without personal data, and replays them.
//
//	recorder, err := cassette.Create("testdata/onboarding.cassette", "https://api.sandbox.cryptomate.me")
//	…
//	c, err := client.New(key, client.WithHTTPClient(&http.Client{Transport: recorder.Transport(nil)}))
//	… // call the API
//	err = recorder.Close()
//
// [Load] reads such a file, and [ReadHAR] a file that a browser or a proxy exported. Then [Cassette.Check] checks the
// calls against the specification and the rules of package contract, [Cassette.Player] stands in for the server in a
// test, and [Cassette.WriteHAR] writes a HAR file. The command enablementd drift says how a file differs from the
// specification.
//
// # What is removed
//
// openapi.yaml says what is personal: x-personal marks it. If an object is marked, all its fields are personal except
// those whose schema is a component of its own, such as an id. Each personal value is replaced by a stand-in. So is all
// that openapi.yaml doesn't describe: fields, headers, query parameters, paths, and values that don't match their
// schema. Text that may quote somebody, such as the message of an error, is kept only if it is an example in
// openapi.yaml. A body that isn't JSON is left out. API keys and Idempotency-Keys are replaced, and other headers of a
// request are left out. A photo is replaced by one of a single pixel. Ids, and the names of fields and headers, are kept.
//
// The same value has the same stand-in everywhere in a cassette: text-1, person-1@example.com, a day in the first years
// of 1900 or 2900, a country that begins with X. A stand-in matches its schema if the value did. So Check finds the same
// in the cassette as in the calls themselves.
//
// Keys, photos and marked values are never written to the disk. A value that was removed in one place is removed in all
// others, too: [Recorder.Close] reads the file again for values that were found to be personal later. Load refuses a file
// that has any other value in the place of a stand-in.
//
// # The file
//
// The file has a JSON object in each line. The first has the version of the format and that of openapi.yaml. Each other
// line has an exchange, in the order in which they ended. The fields began and ended give the order of all beginnings
// and ends. Each line is written at once, so a crash damages only the last one ([ErrTorn]). A cassette has at most 64 MiB.
//
// # Limits
//
//   - Bodies are held in memory: requests of up to 28 MiB if their operation takes photos, and of up to 8 MiB otherwise,
//     and responses of up to 8 MiB. Larger bodies are left out.
//   - Bodies are written without their whitespace. If text follows the JSON, or a body has half of a surrogate pair or
//     bytes that are not UTF-8, the cassette says only that the body wasn't JSON.
//   - Numbers of up to three digits, such as a calling code, have stand-ins that look like real ones: Load can't tell
//     them apart. Text of less than three letters, numbers of less than five digits and words that openapi.yaml uses are
//     replaced in their fields, but are not searched for in other text.
//   - A call without a response is not recorded. If a recording ended without Close, its file was not read again.
package cassette
