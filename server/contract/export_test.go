package contract

import (
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// AtTime sets the clock.
func AtTime(now func() time.Time) Option {
	return func(c *Contract) error {
		c.now = now
		return nil
	}
}

// Describing holds calls to another specification, in which nothing is open.
func Describing(written string) Option {
	return func(c *Contract) error {
		closed, err := openapi3.NewLoader().LoadFromData([]byte(written))
		if err != nil {
			return err
		}
		c.description, err = describe(written, closed)
		return err
	}
}

// Strict is the reader of bodies: the rules that a text breaks, and whether there is a value.
func Strict(text []byte) (value any, ok bool, broken []string) {
	value, ok, defects, _ := strict(text)
	for _, d := range defects {
		broken = append(broken, d.rule)
	}
	return value, ok, broken
}

// UncoveredBy are the points without a case after edit changed the specification.
func UncoveredBy(edit func(*openapi3.T)) ([]string, error) {
	read, err := load()
	if err != nil {
		return nil, err
	}
	edit(read.doc)
	return uncovered(points(read.operations, everything), covered(cases())), nil
}

// Points are what the case table must have a case for.
func Points() ([]string, error) {
	read, err := loaded()
	return points(read.operations, everything), err
}

func everything(string) bool { return true }
