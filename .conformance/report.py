"""Sums up Schemathesis's report, and fails if it tested less than it should have."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    report = json.load(file)
accepted = {name: sum(phase["accepted"] for phase in rates.values()) for name, rates in report["valid_rates"].items()}
cases = report["test_cases"]["generated"]
phases = {name: phase["status"] for name, phase in report["phases"].items()}
skipped = [name for name, status in phases.items() if status != "success"]
if skipped or not report["complete"] or report["stop_reason"] != "completed":
    sys.exit(f"not all of it ran: {phases}, {report['stop_reason']}")
if cases < int(sys.argv[2]):
    sys.exit(f"only {cases} cases, at least {sys.argv[2]} are wanted")
if refused := [name for name, number in accepted.items() if not number]:
    sys.exit(f"no call of {refused} was accepted")
print(f"{cases} cases in {len(phases)} phases, seed {report['seed']}")
