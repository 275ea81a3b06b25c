package enablement

import (
	"time"
	"unicode/utf8"
)

// Submitted is what the provider decides on: a request that entered KYC, with all that was evaluated then. It is kept as
// it was submitted, even if the client is updated or other documents supersede these.
type Submitted struct {
	RequestID string
	ClientID  string
	CompanyID string
	Product   Product
	At        time.Time
	// Status is the present status of the request.
	Status Status
	// Client and Documents are as they were at that moment. If they were not recorded then, for example because the request
	// was imported, they are as they are now, and Now is true.
	Client    Client
	Documents []Document
	Now       bool
}

// Decision is the provider's decision on a request in KYC.
type Decision struct {
	// Status is [Enabled] or [Rejected].
	Status Status
	// RejectionCode and RejectionDescription are for a rejection only.
	RejectionCode        string
	RejectionDescription string
}

// RejectedByProvider is the only documented code of a rejection (upstream, webhooks).
const RejectedByProvider = "REJECTED_BY_PROVIDER"

// The length of what is said of a rejection, in characters (own rule).
const maxRejectionCode, maxRejectionDescription = 64, 500

// Check returns what is wrong with a decision, as a [*FieldError].
func (d Decision) Check() error {
	rejection := d.RejectionCode != "" || d.RejectionDescription != ""
	switch {
	case d.Status != Enabled && d.Status != Rejected:
		return &FieldError{"status", "must be enabled or rejected"}
	case d.Status == Enabled && rejection:
		return &FieldError{"rejection_code", "is for a rejection only, and so is rejection_description"}
	case d.Status == Rejected && !isCode(d.RejectionCode):
		return &FieldError{"rejection_code", "must be 1 to 64 capital letters, digits and underscores"}
	case utf8.RuneCountInString(d.RejectionDescription) > maxRejectionDescription || Hidden(d.RejectionDescription):
		return &FieldError{"rejection_description", "must be at most 500 visible characters"}
	}
	return nil
}

func isCode(s string) bool {
	for _, r := range s {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxRejectionCode
}

// Review applies the provider's decision to a request in KYC. If the request is enabled, its client becomes active
// (upstream). The same decision again changes nothing. Another decision is [ErrNotInKYC], and so is any decision on a
// request that was not submitted.
func Review(f File, d Decision, now time.Time) (Change, error) {
	if err := d.Check(); err != nil {
		return Change{}, err
	}
	before, at := f.Request, moment(now)
	after := before
	after.Status, after.RejectionCode, after.RejectionDescription = d.Status, d.RejectionCode, d.RejectionDescription
	c := Change{Request: after, From: before.Status, At: at}
	same := before.Status == after.Status && before.RejectionCode == after.RejectionCode && before.RejectionDescription == after.RejectionDescription
	switch {
	case same:
		return c, nil
	case before.Status != InKYC:
		return Change{}, ErrNotInKYC
	}
	c.Changed = true
	if at.After(before.UpdatedAt) {
		c.Request.UpdatedAt = at
	}
	if d.Status == Enabled && f.Client.Status != ClientActive {
		client := f.Client
		client.Status = ClientActive
		if at.After(client.UpdatedAt) {
			client.UpdatedAt = at
		}
		c.Client = &client
	}
	return c, nil
}
