package contract

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
)

// TB is the part of [testing.TB] that this package uses. *testing.T, *testing.B and *testing.F implement it.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Report fails the test once for every finding.
func Report(t TB, findings []Finding) {
	t.Helper()
	for _, f := range findings {
		t.Errorf("contract: %s", f)
	}
}

// ToTB returns a function for [OnFinding] that fails the test with every finding. All calls must end before the
// test does.
func ToTB(t TB) func(Finding) {
	return func(f Finding) {
		t.Helper()
		t.Errorf("contract: %s", f)
	}
}

// Log writes a line at level Error for every finding.
func Log(ctx context.Context, logger *slog.Logger, findings []Finding) {
	for _, f := range findings {
		logger.LogAttrs(ctx, slog.LevelError, "contract", f.attrs()...)
	}
}

func (f Finding) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("rule", f.Rule), slog.String("pointer", f.Pointer), slog.Int("spec_line", f.SpecLine),
		slog.String("expected", f.Expected),
	}
	for _, optional := range []slog.Attr{slog.String("got", f.Got), slog.String("case", f.Case), slog.String("step", f.Step), slog.String("curl", f.Curl)} {
		if optional.Value.String() != "" {
			attrs = append(attrs, optional)
		}
	}
	return attrs
}

// WriteJSON writes the findings as a JSON array, which is empty if there are none.
func WriteJSON(w io.Writer, findings []Finding) error {
	if findings == nil {
		findings = []Finding{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(findings); err != nil {
		return fmt.Errorf("contract: write JSON: %w", err)
	}
	return nil
}

type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class    string         `xml:"classname,attr"`
		Name     string         `xml:"name,attr"`
		Failures []junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the findings as a JUnit test suite, in which every rule is a test case.
func WriteJUnit(w io.Writer, findings []Finding) error {
	suite := junitSuite{Name: "contract"}
	for _, rule := range rules {
		one := junitCase{Class: "contract", Name: rule.ID}
		for _, f := range findings {
			if f.Rule == rule.ID {
				one.Failures = append(one.Failures, junitFailure{Message: "expected " + f.Expected + " at " + place(f.Pointer), Type: f.Rule, Text: f.String()})
			}
		}
		if len(one.Failures) > 0 {
			suite.Failures++
		}
		suite.Cases = append(suite.Cases, one)
	}
	suite.Tests = len(suite.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("contract: write JUnit: %w", err)
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(suite); err != nil {
		return fmt.Errorf("contract: write JUnit: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}
