package telemetry

import (
	"errors"
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

	other = "other"
)

// ObserveSubmit counts a submission that began at the moment and led to the change, or the error.
func (m *Metrics) ObserveSubmit(started time.Time, change enablement.Change, err error) {
	outcome := outcomeOf(change, err)
	m.submissions.WithLabelValues(outcome).Observe(time.Since(started).Seconds())
	if outcome == committed {
		m.count(change)
	}
}

func outcomeOf(change enablement.Change, err error) string {
	switch {
	case err == nil && change.Replayed:
		return replayed
	case err == nil:
		return committed
	case errors.Is(err, enablement.ErrClientNotFound),
		errors.Is(err, enablement.ErrRequestNotFound),
		errors.Is(err, enablement.ErrNotPending),
		errors.Is(err, enablement.ErrIdempotencyMismatch),
		errors.Is(err, enablement.ErrIdempotencyInProgress):
		return refused
	default:
		return failed
	}
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
	if s.Known() {
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
