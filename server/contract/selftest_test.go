package contract_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/internal/selftest"
)

func TestSelftest(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, selftest.Run(&out, selftest.Faults()), out.String())
	t.Log(out.String())
	require.GreaterOrEqual(t, len(selftest.Faults()), 30)
	for _, fault := range selftest.Faults() {
		require.True(t, slices.ContainsFunc(contract.Rules(), func(r contract.Rule) bool { return r.ID == fault.Rule }), fault.Rule)
	}
}

// TestMutants runs some of the mutants that make contract-selftest runs: one in many, the same ones every time.
func TestMutants(t *testing.T) {
	t.Parallel()
	all, err := selftest.Mutants(1, 1)
	require.NoError(t, err)
	var some []selftest.Mutant
	for i := 0; i < len(all); i += 30 {
		some = append(some, all[i])
	}
	require.Greater(t, len(some), 300)
	var out strings.Builder
	require.NoError(t, selftest.Measure(&out, some), "%s", &out)
	t.Log(out.String())

	out.Reset()
	require.ErrorContains(t, selftest.Measure(&out, some, contract.Without("schema.type", "schema.null")), "at least 98 %")
	require.Regexp(t, `(?s)\nmissed:.* retyped at "/`, out.String())
}

// TestSelftest_everyRuleIsNeeded switches off one rule after the other: each time the self-test must
// fail, and at least one wrong server or client must pass with nothing found at all.
func TestSelftest_everyRuleIsNeeded(t *testing.T) {
	t.Parallel()
	for _, rule := range contract.Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			t.Parallel()
			unnoticed := 0
			for _, fault := range selftest.Faults() {
				if fault.Rule != rule.ID {
					continue
				}
				findings, err := fault.Find([]contract.Option{contract.Without(rule.ID)})
				require.NoError(t, err)
				require.False(t, fault.Caught(findings))
				if len(findings) == 0 {
					unnoticed++
					break // one will do, and there are hundreds
				}
			}
			require.Positive(t, unnoticed, "another rule finds all that this one does")
		})
	}
}

// TestSelftest_fails shows the self-test failing, in words, without one rule.
func TestSelftest_fails(t *testing.T) {
	t.Parallel()
	faults := slices.DeleteFunc(selftest.Faults(), func(f selftest.Fault) bool { return f.Case != "" })
	for _, rule := range []string{"json.trailing", "history.settled", "response.key_echoed"} {
		var out strings.Builder
		require.Error(t, selftest.Run(&out, faults, contract.Without(rule)))
		require.Contains(t, out.String(), "missed: ")
		require.Contains(t, out.String(), "("+rule+")")
	}
}

// TestSelftest_everyCaseIsNeeded switches off one case after the other.
func TestSelftest_everyCaseIsNeeded(t *testing.T) {
	t.Parallel()
	for _, one := range contract.Cases() {
		t.Run(one.Name, func(t *testing.T) {
			t.Parallel()
			var others []contract.Finding
			for _, fault := range selftest.Faults() {
				if fault.Case != one.Name {
					continue
				}
				findings, err := fault.Find(nil, contract.WithoutCases(one.Name))
				require.NoError(t, err)
				if len(findings) == 0 {
					return
				}
				others = append(others, findings...)
			}
			t.Errorf("other cases find all that this one does: %v", others)
		})
	}
}
