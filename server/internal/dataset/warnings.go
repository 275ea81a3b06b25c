package dataset

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// Warnings tell what a submission would reject: it can be imported, and may be completed before the client is
// submitted. What is missing altogether is not told of, since an import may bring it later, and a submission
// asks for it. An entry is judged by itself, since those that belong to it may be anywhere in the file, or
// stored: a document that is warned of does no harm beside another one that is good.
type Warnings struct {
	Told  []string // the first ones
	Count int      // of all
}

// warn judges an entry of the file. places are those of its fields.
func (f *File) warn(e Entry, places map[string]int64) {
	var found []fault
	for _, item := range rejected(e.Value, f.at) {
		w := fault{reason: told(item.Reason), offset: e.begin}
		if item.Type == enablement.DataItem {
			w.field = fieldOfKey(item.Key)
			outer, _, _ := strings.Cut(w.field, ".")
			w.offset = cmp.Or(places[outer], e.begin)
		}
		found = append(found, w)
	}
	slices.SortStableFunc(found, byOffset)
	f.warnings.Count += len(found)
	for _, w := range found[:min(len(found), mostFaults-len(f.warnings.Told))] {
		f.warnings.Told = append(f.warnings.Told, e.at(w.offset).Fault(w).Error())
	}
}

// rejected is what the evaluation of some product rejects of an entry.
func rejected(entry any, now time.Time) (items []enablement.RejectedItem) {
	var client enablement.Client
	var documents []enablement.Document
	switch v := entry.(type) {
	case *Client:
		client = v.Stored()
	case *Document:
		documents = []enablement.Document{{
			Type: v.Type, FrontImage: !v.Front.IsZero(), BackImage: !v.Back.IsZero(), Metadata: v.Metadata,
		}}
	default:
		return nil
	}
	for _, product := range products {
		for _, item := range enablement.Evaluate(product, client, documents, now).Rejected {
			if !slices.Contains(items, item) {
				items = append(items, item)
			}
		}
	}
	return items
}

// products are those that ask for something of their own.
var products = slices.CompactFunc(
	[]enablement.Product{enablement.CardsIndividuals, enablement.RampsCards, enablement.RampsPix},
	func(a, b enablement.Product) bool {
		return reflect.DeepEqual(enablement.Catalogue(a), enablement.Catalogue(b))
	})

// fieldOfKey is what a file calls the field that a requirement has under a key.
func fieldOfKey(key string) string {
	switch key {
	case "country":
		return "address.country"
	case "phone":
		return "phone_number"
	}
	return key
}

// repeated is what a reason may repeat of what is stored: the date a document expired and a calling code.
var repeated = regexp.MustCompile(` on \d{4}-\d{2}-\d{2}| for country code \d+`)

// told is a reason for a log: without any value, and without the full stop.
func told(reason string) string {
	return strings.TrimSuffix(repeated.ReplaceAllString(reason, ""), ".")
}
