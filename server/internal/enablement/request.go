package enablement

import "time"

// Product is a product that a client can request.
type Product string

// The products of the API (upstream, list client products).
const (
	CardsIndividuals Product = "cards_individuals"
	RampsCards       Product = "ramps_cards"
	RampsPix         Product = "ramps_pix"
)

// Status is the status of a request.
type Status string

// The statuses of a request (upstream, list client products).
const (
	Requested            Status = "requested"
	PendingDocumentation Status = "pending_documentation"
	InKYC                Status = "in_kyc"
	Enabled              Status = "enabled"
	Rejected             Status = "rejected"
)

// Pending reports whether a request of this status can be submitted.
func (s Status) Pending() bool {
	return s == Requested || s == PendingDocumentation
}

// Known reports whether the status is one of the API's.
func (s Status) Known() bool {
	switch s {
	case Requested, PendingDocumentation, InKYC, Enabled, Rejected:
		return true
	}
	return false
}

// Request is a product enablement request of a client.
type Request struct {
	ID        string
	CompanyID string
	ClientID  string
	Product   Product
	Status    Status
	// Evaluation is the result of the last evaluation.
	Evaluation Evaluation
	// RejectionCode and RejectionDescription are set on rejected requests only.
	RejectionCode        string
	RejectionDescription string
	CreatedAt            time.Time
	UpdatedAt            time.Time
}

// File is all that a decision can use.
type File struct {
	// Request is the request of the call; zero if the call is not about one.
	Request Request
	// Client has only its company if it is to be created.
	Client    Client
	Documents []Document
	// Requests are all requests of the client, newest first: by their creation, then by their id. [Store.Submit] leaves
	// them out.
	Requests []Request
	// EmailTaken is true if another client of the company has the e-mail of the call. The case of ASCII letters does not
	// matter.
	EmailTaken bool
}
