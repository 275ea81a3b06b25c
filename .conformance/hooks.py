"""Checks of ours that Schemathesis makes beside its own."""

import json

import schemathesis


@schemathesis.check
def refused_for_its_reason(context, response, case):
    """Holds 422 to its one reason, since known.md lets it pass for a valid call."""
    if response.status_code != 422:
        return
    sent = {name.lower() for name in (case.headers or {})}
    assert "idempotency-key" in sent, "422 without an Idempotency-Key"
    code = json.loads(response.content)["code"]
    assert code == "IDEMPOTENCY_MISMATCH", f"422 with code {code}"
