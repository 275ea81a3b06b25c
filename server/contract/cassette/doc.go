// Package cassette records exchanges with the API in a file that anybody may see, and replays them.
//
//	recorder, err := cassette.Create("testdata/onboarding.cassette", "https://api.sandbox.cryptomate.me")
//	…
//	c, err := client.New(key, client.WithHTTPClient(&http.Client{Transport: recorder.Transport(nil)}))
//	… // call the API
//	err = recorder.Close()
//
// [Load] reads the file, and [ReadHAR] what a browser or a proxy exported. A [Cassette] is then held to the
// specification and to all that package contract knows ([Cassette.Check]), stands in for the server in a test
// ([Cassette.Player]), or goes on as a HAR file ([Cassette.WriteHAR]). The command enablementd drift says how a file
// differs from the specification.
//
// # What is removed
//
// openapi.yaml decides. What has x-personal there is replaced; of an object these are all fields but those whose schema
// is a component of its own, such as an id. Replaced is also what openapi.yaml doesn't describe: fields, headers, query parameters, paths, and values that are not as their schema says. Text that
// may quote somebody, such as the message of an error, stays only if openapi.yaml has it as an example. A body that
// isn't JSON is left out. API keys and Idempotency-Keys are replaced, and other headers of a request are left out. Of a
// photo nothing is left: another one of a pixel takes its place. Ids stay, as do the names of fields and headers.
//
// The same value has the same stand-in everywhere in a cassette: text-1, person-1@example.com, a day in the first years
// of 1900 or 2900, a country that begins with X. A stand-in fits its schema where the value did, and doesn't where it
// did not, so that Check finds the same in what was recorded as in the calls themselves.
//
// Keys, photos and what is marked never reach a disk. And the removal is checked: what was removed anywhere is taken out of
// all that is kept, and [Recorder.Close] reads the file again for what was removed later. Load refuses a file that has a
// value other than a stand-in in the place of one.
//
// # The file
//
// It has a JSON object in each line: first its form and the version of openapi.yaml, then an exchange in each, in the
// order of their ends. Began and ended give the order of all beginnings and ends. A line is written at once, so that a
// crash tears no more than the last one ([ErrTorn]). A cassette holds at most 64 MiB.
//
// # Limits
//
//   - A request of up to 28 MiB where its operation takes photos, 8 MiB otherwise, and a response of up to 8 MiB are held
//     in memory; the body of a larger one is left out.
//   - Bodies are written without their whitespace. Of text after the JSON, half of a surrogate pair or bytes that
//     are not UTF-8 only remains that the body wasn't JSON.
//   - Numbers of up to three digits, such as a calling code, have stand-ins that look like others: Load can't tell. Text
//     of less than three letters, numbers of less than five digits and words that openapi.yaml uses itself are removed
//     from their fields, and not looked for in other text.
//   - A call that got no response is not recorded. A recording that ended without Close was not read again.
package cassette
