"""A client that openapi-python-client made from openapi.yaml, against the sample service.

client.py BASE-URL, with the generated package beside it
"""

import datetime
import sys

from generated.api.clients import create_client, delete_client, get_client, list_clients, update_client
from generated.api.product_enablement import complete_documentation, list_products, request_product, submit_product
from generated.client import AuthenticatedClient
from generated.models import (
    AddressInput,
    Client,
    ClientInput,
    DocumentationInput,
    Error,
    EvaluatedProduct,
    Product,
    ProductInput,
)

SEED = "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG", "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh"
PHOTO = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
INCOMPLETE = "sample-client-incomplete", "sample-request-incomplete"

checks = 0


def equal(what, got, want):
    global checks
    checks += 1
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


def call(operation, *ids, key="sample-key-level-3", fault=None, **body):
    client = AuthenticatedClient(
        sys.argv[1], key, prefix="", auth_header_name="x-api-key", headers={"X-Sample-Fault": fault} if fault else {}
    )
    response = operation.sync_detailed(*ids, client=client, **body)
    return response.status_code, response.parsed


def taken(what, *called, want=200, kind=EvaluatedProduct, **options):
    status, body = call(*called, **options)
    equal(f"{what}: HTTP status", status, want)
    equal(f"{what}: type", type(body), kind)
    return body


def refused(what, want, code, *called, **options):
    error = taken(what, *called, want=want, kind=Error, **options)
    equal(f"{what}: code", error.code, code)
    return error


complete = taken("complete", submit_product, *SEED)
equal("complete: status", complete.product.status, "in_kyc")
equal("complete: ids", (complete.product.client_id, complete.product.id), SEED)
equal("complete: missing documents", complete.product.missing_requirements.documents, [])
equal("complete: rejected", complete.rejected_items, [])

incomplete = taken("incomplete", submit_product, *INCOMPLETE)
equal("incomplete: status", incomplete.product.status, "pending_documentation")
field = incomplete.product.missing_requirements.data[0].fields[0]
equal("incomplete: field", (field.key, field.data_type), ("phone", "PHONE"))

refused("unknown key", 401, "AUTH", submit_product, *SEED, key="wrong")
refused("unknown client", 404, "NOT_FOUND", submit_product, "nobody", SEED[1])
refused("submitted before", 409, "VAL", submit_product, *SEED)
limited = refused("too many", 429, "TOO_MANY_REQUESTS", submit_product, *SEED, fault="status=429")
equal("too many: second name", limited.error_code, "TOO_MANY_REQUESTS")

unknown = taken("unknown status", submit_product, *INCOMPLETE, fault="unknown-status")
equal("unknown status", unknown.product.status, "under_review")
added = taken("added field", submit_product, *INCOMPLETE, fault="added-field")
equal("added field", added.product["sample_field"], ["added"])

person = ClientInput(
    first_name="Ana",
    last_name="Example",
    email="python@example.com",
    birth_date=datetime.date(1984, 11, 21),
    address=AddressInput(street_line1="Calle 1", city="Del Viso", postal_code="1669", state="ARG-B", country="ARG"),
)
card = ProductInput(subproduct="cards_individuals")

created = taken("create", create_client, body=person, want=201, kind=Client)
equal("create: status", created.status, "pending")
equal("get", taken("get", get_client, created.id, kind=Client), created)
equal("list: the newest", taken("list", list_clients, kind=list)[0], created)
person.phone_country_code, person.phone_number = 54, 91123456789
updated = taken("update", update_client, created.id, body=person, kind=Client)
equal("update: phone", (updated.phone_country_code, updated.phone_number), (54, 91123456789))

requested = taken("request", request_product, created.id, body=card, want=201, kind=Product)
equal("request: status", requested.status, "pending_documentation")
equal("request: missing data", requested.missing_requirements.data, [])
equal("products", taken("products", list_products, created.id, kind=list), [requested])
refused("the product again", 409, "VAL", request_product, created.id, body=card)
refused("no product", 412, "VAL", request_product, created.id, body=ProductInput(subproduct="nothing"))

passport = DocumentationInput.from_dict(
    {
        "document": {
            "document_type": "passport",
            "image_front": PHOTO,
            "metadata": {"number": "AAA000111", "issuing_country": "ARG", "expiration_date": "2036-04-15"},
        }
    }
)
document = complete_documentation, created.id, requested.id
documented = taken("documentation", *document, body=passport)
equal("documentation: missing", documented.product.missing_requirements.documents, [])
equal("documentation: rejected", documented.rejected_items, [])
kept = taken("documentation again", *document, body=passport)
equal("documentation again: rejected", [item.key for item in kept.rejected_items], ["passport"])
passport.document.document_type = "selfie"
refused("no type of document", 412, "VAL", *document, body=passport)
submitted = taken("submit", submit_product, created.id, requested.id)
equal("submit: status", submitted.product.status, "in_kyc")
refused("a document for a request in KYC", 409, "VAL", *document, body=passport)

refused("the e-mail address again", 400, "VAL", create_client, body=person)
person.first_name = " "
refused("a blank name", 400, "BAD_REQUEST", update_client, created.id, body=person)

equal("delete", call(delete_client, created.id), (204, None))
refused("get what was deleted", 404, "NOT_FOUND", get_client, created.id)

print(f"{checks} checks")
