package enablement

import "time"

// Product is what a client asks for.
type Product string

// The products of the API (upstream, list client products).
const (
	CardsIndividuals Product = "cards_individuals"
	RampsCards       Product = "ramps_cards"
	RampsPix         Product = "ramps_pix"
)

// Status says where a request stands.
type Status string

// The statuses of a request (upstream, list client products).
const (
	Requested            Status = "requested"
	PendingDocumentation Status = "pending_documentation"
	InKYC                Status = "in_kyc"
	Enabled              Status = "enabled"
	Rejected             Status = "rejected"
)

// Pending tells whether a request of this status can be submitted.
func (s Status) Pending() bool {
	return s == Requested || s == PendingDocumentation
}

// Known tells whether the status is one of the API's.
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
	// Evaluation is the result of the last one.
	Evaluation Evaluation
	// RejectionCode and RejectionDescription are set on rejected requests only.
	RejectionCode        string
	RejectionDescription string
	CreatedAt            time.Time
	UpdatedAt            time.Time
}

// File is all that a decision may need.
type File struct {
	// Request is the one that the call names; zero where it names none.
	Request Request
	// Client has no more than its company where it is to be created.
	Client    Client
	Documents []Document
	// Requests are all of the client, newest first: by their creation, then by their id. [Store.Submit] leaves
	// them out.
	Requests []Request
	// EmailTaken tells that another client of the company has the call's e-mail, without regard to the case of
	// ASCII letters.
	EmailTaken bool
}
