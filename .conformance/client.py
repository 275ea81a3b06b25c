"""A client that openapi-python-client made from openapi.yaml, against the sample service.

client.py BASE-URL, with the generated package beside it
"""

import sys

from generated.api.product_enablement import submit_product
from generated.client import AuthenticatedClient
from generated.models import Error, EvaluatedProduct

SEED = "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG", "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh"
INCOMPLETE = "sample-client-incomplete", "sample-request-incomplete"

checks = 0


def equal(what, got, want):
    global checks
    checks += 1
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


def submit(ids, key="sample-key-level-3", fault=None):
    client = AuthenticatedClient(
        sys.argv[1], key, prefix="", auth_header_name="x-api-key", headers={"X-Sample-Fault": fault} if fault else {}
    )
    response = submit_product.sync_detailed(*ids, client=client)
    return response.status_code, response.parsed


def taken(what, *call, **options):
    status, submission = submit(*call, **options)
    equal(f"{what}: HTTP status", status, 200)
    equal(f"{what}: type", type(submission), EvaluatedProduct)
    return submission


def refused(what, want, code, *call, **options):
    status, error = submit(*call, **options)
    equal(f"{what}: HTTP status", status, want)
    equal(f"{what}: type", type(error), Error)
    equal(f"{what}: code", error.code, code)
    return error


complete = taken("complete", SEED)
equal("complete: status", complete.product.status, "in_kyc")
equal("complete: ids", (complete.product.client_id, complete.product.id), SEED)
equal("complete: missing documents", complete.product.missing_requirements.documents, [])
equal("complete: rejected", complete.rejected_items, [])

incomplete = taken("incomplete", INCOMPLETE)
equal("incomplete: status", incomplete.product.status, "pending_documentation")
field = incomplete.product.missing_requirements.data[0].fields[0]
equal("incomplete: field", (field.key, field.data_type), ("phone", "PHONE"))

refused("unknown key", 401, "AUTH", SEED, key="wrong")
refused("unknown client", 404, "NOT_FOUND", ("nobody", SEED[1]))
refused("submitted before", 409, "VAL", SEED)
limited = refused("too many", 429, "TOO_MANY_REQUESTS", SEED, fault="status=429")
equal("too many: second name", limited.error_code, "TOO_MANY_REQUESTS")

equal("unknown status", taken("unknown status", INCOMPLETE, fault="unknown-status").product.status, "under_review")
added = taken("added field", INCOMPLETE, fault="added-field")
equal("added field", added.product["sample_field"], ["added"])

print(f"{checks} checks")
