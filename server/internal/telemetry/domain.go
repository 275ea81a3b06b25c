package telemetry

import (
	"errors"
	"slices"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// What may come of things.
const (
	complete   = "complete"
	incomplete = "incomplete"

	committed = "committed"
	replayed  = "replayed"
	refused   = "refused"
	failed    = "failed"

	delivered = "delivered"
	dead      = "dead"

	none  = "none"
	other = "other"
)

// ObserveWrite counts a write that began at the moment and led to the change, or the error.
func (m *Metrics) ObserveWrite(operation string, started time.Time, change enablement.Change, err error) {
	outcome := outcomeOf(change, err)
	m.writes.WithLabelValues(operation, outcome).Observe(time.Since(started).Seconds())
	if outcome == committed && change.Request.ID != "" {
		m.count(change)
	}
}

func outcomeOf(change enablement.Change, err error) string {
	switch {
	case err == nil && change.Replayed:
		return replayed
	case err == nil:
		return committed
	case slices.ContainsFunc(refusals, func(refusal error) bool { return errors.Is(err, refusal) }):
		return refused
	default:
		return failed
	}
}

var refusals = []error{
	enablement.ErrClientNotFound, enablement.ErrRequestNotFound, enablement.ErrNotPending,
	enablement.ErrClientExists, enablement.ErrRequestActive, enablement.ErrInvalidProduct,
	enablement.ErrIdempotencyMismatch, enablement.ErrIdempotencyInProgress,
}

func (m *Metrics) count(c enablement.Change) {
	product, evaluation := productLabel(c.Request.Product), c.Request.Evaluation
	result := incomplete
	if evaluation.Complete() {
		result = complete
	}
	m.evaluations.WithLabelValues(product, result).Inc()
	if c.From != c.Request.Status {
		m.transitions.WithLabelValues(product, statusLabel(c.From), statusLabel(c.Request.Status)).Inc()
	}
	for _, r := range evaluation.Rejected {
		i := item{r.Type, r.Key}
		if !m.rejectable[i] {
			i = item{other, other}
		}
		m.rejected.WithLabelValues(string(i.kind), i.key).Inc()
	}
}

// Stored values become labels only if they are among those that the domain knows.

func productLabel(p enablement.Product) string {
	if p.Known() {
		return string(p)
	}
	return other
}

func statusLabel(s enablement.Status) string {
	switch {
	case s == "": // before the request was
		return none
	case s.Known():
		return string(s)
	}
	return other
}

// item is what an evaluation can reject.
type item struct {
	kind enablement.ItemType
	key  string
}

func itemsOf(product enablement.Product) (items []item) {
	catalogue := enablement.Catalogue(product)
	for _, requirement := range catalogue.Documents {
		for _, document := range requirement.ValidDocuments {
			items = append(items, item{enablement.DocumentItem, document.ID})
		}
	}
	for _, requirement := range catalogue.Data {
		for _, field := range requirement.Fields {
			items = append(items, item{enablement.DataItem, field.Key})
		}
	}
	return items
}

// ObserveDelivery counts an attempt that was recorded. One that was cut because the service stops
// is a failed one.
func (m *Metrics) ObserveDelivery(d enablement.Delivery) {
	result := failed
	switch d.State {
	case enablement.NotificationDelivered:
		result = delivered
	case enablement.NotificationDead:
		result = dead
	}
	m.deliveries.WithLabelValues(result).Inc()
	m.deliveryDurations.Observe(d.Duration.Seconds())
}

// ObserveRequeued counts notifications that were found without a job.
func (m *Metrics) ObserveRequeued(n int) { m.requeued.Add(float64(n)) }
