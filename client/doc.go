// Package client submits product enablement requests to CryptoMate's Management API.
//
// [New] makes a [Client] of an API key; [Client.SubmitProduct] submits a request and answers what
// is still missing. Every error it returns is an [*Error]. Ask [errors.Is] for the kind of it
// ([ErrNotFound], [ErrNotPending], [ErrRateLimited], …) and [errors.As] for the details.
//
// What the client does not trust:
//
//   - Ids go into the path, so one that is not of the API's form is refused before anything is sent.
//   - Redirects are never followed: Go would hand the x-api-key header to another host.
//   - A reply is read up to a limit, and a success must be the one JSON document that the API
//     describes, about the request that was submitted. Anything else is [ErrInvalidResponse].
//   - The API key is not part of any text, dump or JSON that the package makes, also where a server
//     or a transport repeats it in an error.
//
// What it does not mind: fields and enum values it does not know, and timestamps with or without a
// zone.
package client
