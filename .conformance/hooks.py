"""Checks of ours that Schemathesis makes beside its own."""

import datetime
import itertools
import json
import re

import schemathesis

CLIENT = ("createClient", "updateClient")
REQUEST = ("completeDocumentation", "submitProduct")


def no_day(day):
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        return True


def odd(text):
    """Text that is not plain ASCII may be blank or have something hidden in it."""
    return not (text.isascii() and text.isprintable() and text.strip())


def odd_email(email):
    return not re.fullmatch(r"[a-z0-9]+@[a-z0-9]+(\.[a-z0-9]+)*", email, re.IGNORECASE)


# What a field of a client may be refused for, and which of its values may be. None is a field that is not there.
SHOWN = {"must not be blank": odd, "must not have a character that cannot be seen": odd}
FIELDS = {
    "/email": {"must be an e-mail address": odd_email},
    "/birth_date": {"must be a date of the calendar, written yyyy-mm-dd": no_day},
    "/phone_number": {"must be there if phone_country_code is": lambda number: number is None},
    "/phone_country_code": {"must be there if phone_number is": lambda code: code is None},
    "/address/country": {"must be an ISO 3166-1 alpha-3 code": lambda country: country != "ARG"},
    **{f"/{name}": SHOWN for name in ("first_name", "second_name", "last_name")},
    **{
        f"/address/{name}": SHOWN
        for name in ("street_line1", "street_line2", "city", "postal_code", "state", "state_code", "country_code")
    },
}


def field_is_wrong(body, message):
    field = re.fullmatch("request body (/[a-z0-9_/]+): (.+)", message)
    if not field or field[2] not in FIELDS.get(field[1], {}):
        return False
    value = body
    for name in field[1][1:].split("/"):
        value = value.get(name)
    return FIELDS[field[1]][field[2]](value)


def state_is_wrong(body, message):
    address = body["address"]
    return message == "request body /address/state: is not a state of the country" and (
        address["country"] != "ARG" or address["state"] not in ("ARG-B", "B")
    )


def product_is_wrong(body, message):
    return message == "Invalid product" and body["subproduct"] not in ("cards_individuals", "ramps_cards", "ramps_pix")


def photo_is_wrong(body, message):
    field = re.fullmatch("request body /document/(image_front|image_back): is not base64, by itself or as a data URI", message)
    text = re.sub("[\r\n]", "", body["document"][field[1]]) if field else ""
    return bool(field) and not re.fullmatch("(data:[^,]*;base64,)?([A-Za-z0-9+/]{4})+", text)


def metadata_is_wrong(body, message):
    metadata = body["document"].get("metadata") or {}
    return {
        "must have names of 1 to 64 characters that can be seen": any(odd(name) or len(name) > 64 for name in metadata),
        "must not have a character that cannot be seen": any(value and odd(value) for value in metadata.values()),
    }.get(message.removeprefix("request body /document/metadata: "))


def type_is_wrong(body, message):
    return message == "Invalid document type" and body["document"]["document_type"] not in (
        "passport",
        "national_id",
        "drivers_license",
    )


def says(pattern):
    return lambda _, message: re.fullmatch(pattern, message)


def valid(case):
    """Tells whether a case is made to be what the specification takes."""
    return case.meta is not None and case.meta.generation.mode.is_positive


numbers = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives three of four valid calls an e-mail address and a key of their own, as most values are used again and again."""
    body, headers, number = case.body, case.headers or {}, next(numbers)
    if number % 4 == 0 or not valid(case):
        return
    if isinstance(body, dict) and isinstance(body.get("email"), str) and not odd_email(body["email"]):
        case.body = {**body, "email": f"client{number}@example.com"}
    if re.fullmatch("[a-z0-9-]{1,64}", headers.get("Idempotency-Key", "")):
        case.headers["Idempotency-Key"] = f"key-{number}"


# What a call that the specification takes may be refused for: the operations, the status, the code, and whether
# the body and the message are of that reason.
REASONS = [
    (CLIENT, 400, "BAD_REQUEST", field_is_wrong),
    (CLIENT, 400, "VAL", says("Company client already exists for this company")),
    (CLIENT, 412, "VAL", state_is_wrong),
    (("requestProduct",), 412, "VAL", product_is_wrong),
    (("requestProduct",), 409, "VAL", says("An enablement request is already active for this product")),
    (("completeDocumentation",), 400, "BAD_REQUEST", photo_is_wrong),
    (("completeDocumentation",), 400, "BAD_REQUEST", metadata_is_wrong),
    (("completeDocumentation",), 412, "VAL", type_is_wrong),
    (REQUEST, 409, "VAL", says("The enablement request is not pending documentation")),
    (
        ("getClient", "updateClient", "deleteClient", "requestProduct", "listProducts", *REQUEST),
        404,
        "NOT_FOUND",
        says("Company client not found with id: .+"),
    ),
    (REQUEST, 404, "NOT_FOUND", says("Product enablement request not found with id: .+")),
    (("createClient", "requestProduct", *REQUEST), 422, "IDEMPOTENCY_MISMATCH", says(".+")),
]


@schemathesis.check
def refused_for_its_reason(context, response, case):
    """Holds the refusal of a valid call to a reason that no schema can say: known.md, 1 and 2."""
    if response.status_code == 422:
        sent = {name.lower() for name in (case.headers or {})}
        assert "idempotency-key" in sent, "422 without an Idempotency-Key"
    elif response.status_code < 400 or not valid(case):
        return
    operation = case.operation.definition.raw["operationId"]
    refused = json.loads(response.content)
    assert any(
        operation in operations
        and response.status_code == status
        and refused["code"] == code
        and is_the_reason(case.body, refused["message"])
        for operations, status, code, is_the_reason in REASONS
    ), f"{operation} was refused with {response.status_code} {refused['code']}: {refused['message']}"
