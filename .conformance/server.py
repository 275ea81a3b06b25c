"""A server of all operations in memory, for the contract kit. It knows of this project openapi.yaml and nothing else.

server.py OPENAPI.YAML KEYS.JSON    listens on a free port of 127.0.0.1, and prints its base URL
"""

import base64
import binascii
import datetime
import io
import json
import re
import secrets
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import jsonschema_rs
import yaml
from PIL import Image

with open(sys.argv[1], encoding="utf-8") as file:
    SPEC = yaml.safe_load(file)
with open(sys.argv[2], encoding="utf-8") as file:
    KEYS = json.load(file)

LARGEST_BODY = 64 << 10  # unless the operation says otherwise
LARGEST_PHOTO = SPEC["components"]["schemas"]["Image"]["x-max-bytes"]
WIDEST_PHOTO = 12_000
SHORTEST_PHONE = 100_000
PRODUCTS = SPEC["components"]["schemas"]["ProductType"]["x-extensible-enum"]
# A key has a company and a level. What is not here is unknown, as the revoked key is.
CALLERS = {
    KEYS["key"]: ("ours", 3),
    KEYS["low_level_key"]: ("ours", 1),
    KEYS["other_company_key"]: ("theirs", 3),
    KEYS["barred_key"]: ("ours", 0),
}

METADATA = [
    {"id": field, "name": name, "data_type": "STRING", "required": True}
    for field, name in {"number": "Number", "issuing_country": "Country", "expiration_date": "Expiration date"}.items()
]
KINDS = {
    kind: {"id": kind, "name": name, "require_image": True, "require_back_image": back, "metadata": METADATA}
    for kind, name, back in [("passport", "Passport", False), ("national_id", "Identity card", True)]
}


class Refused(Exception):
    """An error response."""

    def __init__(self, status, code, message, **headers):
        self.status, self.code, self.message, self.headers = status, code, message, headers


def bad(message):
    return Refused(400, "BAD_REQUEST", message)


def resolve(node):
    while "$ref" in node:
        *_, kind, name = node["$ref"].split("/")
        node = SPEC["components"][kind][name]
    return node


def validator(schema):
    return jsonschema_rs.Draft4Validator({**schema, "components": SPEC["components"]}, validate_formats=True)


class Operation:
    """What openapi.yaml says of an operation."""

    def __init__(self, path, method, described):
        self.path, self.method, self.id = path, method.upper(), described["operationId"]
        self.level = described["x-access-level"]
        self.largest = described.get("x-max-body", LARGEST_BODY)
        self.parameters = [resolve(p) for p in described.get("parameters", [])]
        self.checks = {p["name"]: validator(p["schema"]) for p in self.parameters}
        self.keyed = "Idempotency-Key" in self.checks
        self.body = None
        if "requestBody" in described:
            self.body = validator(resolve(described["requestBody"])["content"]["application/json"]["schema"])

    def matches(self, words):
        """The path's parameters; None if it is another path."""
        own = self.path.split("/")
        if len(own) != len(words) or any(o != w for o, w in zip(own, words) if not o.startswith("{")):
            return None
        return {o[1:-1]: unquote(w) for o, w in zip(own, words) if o.startswith("{")}


OPERATIONS = [
    Operation(path, method, described)
    for path, item in SPEC["paths"].items()
    for method, described in item.items()
    if method in ("get", "put", "post", "delete", "patch")
]


def pairs(fields):
    names = [name for name, _ in fields]
    for name in names:
        if names.count(name) > 1:
            raise bad(f"request body: the field {name} is there twice")
    return dict(fields)


def number(text):
    raise bad("request body: is no JSON")


def read_json(body, check):
    try:
        text = body.decode()
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=number)
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (UnicodeError, ValueError, RecursionError) as err:
        raise bad("request body: is no JSON in UTF-8") from err
    for error in check.iter_errors(value):
        place = "/".join(["", *map(str, error.instance_path)])
        kind = error.kind.name
        if kind in ("required", "additionalProperties"):  # the words name fields, and no value
            raise bad(f"request body {place}: {error.message}")
        raise bad(f"request body {place}: breaks the rule {kind}")
    return value


class Store:
    """All that there is. One call at a time is in it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.clients, self.requests, self.answered = {}, {}, {}

    def client(self, company, call):
        found = self.clients.get(call["clientId"])
        if found is None or found["company"] != company:
            raise Refused(404, "NOT_FOUND", "Company client not found with id: " + call["clientId"])
        return found

    def request(self, client, call):
        found = client["requests"].get(call["productRequestId"])
        if found is None:
            raise Refused(404, "NOT_FOUND", "Product enablement request not found with id: " + call["productRequestId"])
        if found["status"] not in ("requested", "pending_documentation"):
            raise Refused(409, "VAL", "The enablement request is not pending documentation")
        return found


STORE = Store()


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")


def check_client(body, company, but=None):
    if ("phone_country_code" in body) != ("phone_number" in body):
        raise bad("request body /phone_number: goes with /phone_country_code")
    for other in STORE.clients.values():
        if other["company"] == company and other is not but and other["shown"]["email"].lower() == body["email"].lower():
            raise Refused(400, "VAL", "Company client already exists for this company")
    country, dash, _ = body["address"]["state"].partition("-")
    if dash and country != body["address"]["country"]:
        raise Refused(412, "VAL", "request body /address/state: is not a state of the country")


def create_client(company, call, body):
    check_client(body, company)
    moment, key = now(), "client_" + secrets.token_hex(8)
    shown = {"id": key, "type": "individual", "status": "pending", **body, "created_at": moment, "updated_at": moment}
    STORE.clients[key] = {"company": company, "shown": shown, "requests": {}, "documents": set()}
    return 201, shown


def list_clients(company, call, body):
    return 200, [c["shown"] for c in reversed(STORE.clients.values()) if c["company"] == company]


def get_client(company, call, body):
    return 200, STORE.client(company, call)["shown"]


def update_client(company, call, body):
    client = STORE.client(company, call)
    check_client(body, company, client)
    own = {name: client["shown"][name] for name in ("id", "type", "status", "created_at", "updated_at")}
    if {**own, **body} != client["shown"]:
        client["shown"] = {**own, **body, "updated_at": now()}
    return 200, client["shown"]


def delete_client(company, call, body):
    STORE.client(company, call)
    del STORE.clients[call["clientId"]]
    return 204, None


def evaluate(client, request):
    """Says what is missing now, and returns what is there and isn't accepted."""
    documents, data, rejected = [], [], []
    if not client["documents"]:
        documents = [{"id": "identity", "name": "Identity", "required": True, "valid_documents": list(KINDS.values())}]
    phone = client["shown"].get("phone_number", 0)
    if phone < SHORTEST_PHONE:
        fields = [{"key": "phone", "data_type": "PHONE", "required": True}]
        data = [{"id": "person", "name": "Person", "required": True, "fields": fields}]
        if phone:
            rejected = [{"type": "data", "key": "phone", "reason": "The number is too short."}]
    request["missing_requirements"] = {"documents": documents, "data": data}
    return rejected


def request_product(company, call, body):
    client = STORE.client(company, call)
    if body["subproduct"] not in PRODUCTS:
        raise Refused(412, "VAL", "Invalid product")
    for other in client["requests"].values():
        if other["product"] == body["subproduct"] and other["status"] != "rejected":
            raise Refused(409, "VAL", "An enablement request is already active for this product")
    moment, key = now(), "request_" + secrets.token_hex(8)
    request = {
        "id": key, "client_id": call["clientId"], "product": body["subproduct"], "status": "pending_documentation",
        "created_at": moment, "updated_at": moment,
    }  # fmt: skip
    client["requests"][key] = request
    evaluate(client, request)
    return 201, request


def list_products(company, call, body):
    client = STORE.client(company, call)
    for request in client["requests"].values():
        if request["status"] != "in_kyc":
            evaluate(client, request)
    return 200, list(reversed(client["requests"].values()))


def decoded(document, field):
    if field not in document:
        return None
    text = re.sub(r"[\r\n]", "", re.sub(r"^data:[^,]*;base64,", "", document[field]))
    if not text.endswith("="):
        text += "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as err:
        raise bad(f"request body /document/{field}: must be base64") from err


def fault(photo):
    """What is wrong with a photo; None if nothing is."""
    if len(photo) > LARGEST_PHOTO:
        return "The photo is larger than 10 MiB."
    try:
        with Image.open(io.BytesIO(photo), formats=["JPEG", "PNG"]) as image:
            if max(image.size) > WIDEST_PHOTO:
                return "The photo is more than 12,000 pixels wide or high."
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return "The photo is no JPG or PNG, or it is damaged."
    return None


def judge(kind, document, front, back):
    """What is wrong with a document; None if nothing is."""
    values = document.get("metadata", {})
    for field in kind["metadata"]:
        if not values.get(field["id"]):
            return field["name"] + " is missing."
    try:
        if datetime.date.fromisoformat(values["expiration_date"]) < datetime.date.today():
            return "The document has expired."
    except ValueError:
        return "Expiration date must be a day, yyyy-mm-dd."
    if kind["require_back_image"] and not back:
        return "The photo of the back is missing."
    return fault(front) or (fault(back) if back else None)


def complete_documentation(company, call, body):
    client = STORE.client(company, call)
    request = STORE.request(client, call)
    document = body["document"]
    front, back = decoded(document, "image_front"), decoded(document, "image_back")
    kind = KINDS.get(document["document_type"])
    if kind is None:
        raise Refused(412, "VAL", "Invalid document type")
    reason, rejected = judge(kind, document, front, back), []
    if reason is None and kind["id"] in client["documents"] and not document.get("replace"):
        reason = "A good one is stored already: send replace."
    if reason:
        rejected = [{"type": "document", "key": kind["id"], "reason": reason}]
    else:
        client["documents"].add(kind["id"])
        request["updated_at"] = now()
    evaluate(client, request)
    return 200, {"product": request, "rejected_items": rejected}


def submit_product(company, call, body):
    client = STORE.client(company, call)
    request = STORE.request(client, call)
    rejected = evaluate(client, request)
    status = "pending_documentation" if any(request["missing_requirements"].values()) else "in_kyc"
    if status != request["status"]:
        request["status"], request["updated_at"] = status, now()
    return 200, {"product": request, "rejected_items": rejected}


def serve(operation):
    return globals()[re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), operation.id)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "server.py"
    wbufsize = 1 << 16  # a response in one write

    def log_message(self, *_):
        pass

    def read(self, most):
        """The body. One that is larger is read to its end, and dropped, so that the caller sees the response."""
        kept, size = [], 0

        def take(length):
            nonlocal size
            while length > 0 and (part := self.rfile.read(min(length, 1 << 20))):
                length, size = length - len(part), size + len(part)
                if size <= most:
                    kept.append(part)

        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while length := int(self.rfile.readline().split(b";")[0], 16):
                take(length)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            take(int(self.headers.get("Content-Length", 0)))
        if size > most:
            raise Refused(413, "PAYLOAD_TOO_LARGE", f"The request body is larger than {most} bytes")
        return b"".join(kept)

    def route(self):
        url = urlsplit(self.path)
        found = [(o, words) for o in OPERATIONS if (words := o.matches(url.path.split("/"))) is not None]
        if not found:
            raise Refused(404, "NOT_FOUND", "There is no such path")
        for operation, words in found:
            if operation.method == self.command:
                return operation, words, url.query
        allow = ", ".join(sorted(o.method for o, _ in found))
        raise Refused(405, "METHOD_NOT_ALLOWED", "The operation takes another method", Allow=allow)

    def caller(self, operation):
        keys = self.headers.get_all("x-api-key", [])
        if len(keys) > 1 or any("," in key for key in keys):
            raise bad('header "x-api-key": is there twice')
        company, level = CALLERS.get(keys[0] if keys else None, (None, 0))
        if company is None:
            raise Refused(401, "AUTH", "Invalid API key")
        if level < operation.level:
            raise Refused(401, "API_ERROR", "Access denied. The API Key is not authorized to do this operation.")
        return company

    def parameters(self, operation, words, query):
        if query or "?" in self.path:
            raise bad("query: the operation has no parameters")
        for parameter in operation.parameters:
            name, values = parameter["name"], [words.get(parameter["name"])]
            if parameter["in"] == "header":
                values = self.headers.get_all(name, [])
            if len(values) > 1:
                raise bad(f'header "{name}": is there twice')
            if values and not operation.checks[name].is_valid(values[0]):
                raise bad(f'{parameter["in"]} parameter "{name}": is not as described')

    def content(self, operation, body):
        if operation.body is None:
            if body:
                raise bad("request body: the operation takes none")
            return None
        types = self.headers.get_all("Content-Type", [])
        if not body:
            raise bad("request body: is missing")
        if len(types) != 1 or types[0].split(";")[0].strip().lower() != "application/json":
            raise bad("request body: must be application/json")
        return read_json(body, operation.body)

    def once(self, operation, company, body):
        """Where an answered call is kept, and what it asked for; None if it has no Idempotency-Key."""
        key = self.headers.get("Idempotency-Key")
        if not operation.keyed or key is None:
            return None, None
        return (company, operation.id, key), (self.path, json.dumps(body, sort_keys=True))

    def answer(self):
        routed = missing = None
        try:
            routed = self.route()
        except Refused as refused:
            missing = refused
        body = self.read(routed[0].largest if routed else LARGEST_BODY)
        if missing:
            raise missing
        operation, words, query = routed
        company = self.caller(operation)
        self.parameters(operation, words, query)
        value = self.content(operation, body)
        kept, asked = self.once(operation, company, value)
        with STORE.lock:
            if kept in STORE.answered:
                before, status, response, client = STORE.answered[kept]
                if client in STORE.clients:
                    if before != asked:
                        raise Refused(422, "IDEMPOTENCY_MISMATCH", "This Idempotency-Key was used for another call")
                    return status, response
            status, response = serve(operation)(company, words, value)
            response = None if response is None else json.dumps(response).encode()
            if kept:
                client = words.get("clientId") or json.loads(response)["id"]
                STORE.answered[kept] = asked, status, response, client
            return status, response

    def handle_any(self):
        trace, headers = secrets.token_hex(16), {}
        try:
            status, response = self.answer()
        except Refused as refused:
            status, headers = refused.status, refused.headers
            error = {"code": refused.code, "message": refused.message, "trace_id": trace}
            response = json.dumps(error).encode()
        self.send_response(status)
        self.send_header("X-Trace-Id", trace)
        for name, value in headers.items():
            self.send_header(name, value)
        if response is not None:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(response)))
        self.end_headers()
        if response is not None and self.command != "HEAD":
            self.wfile.write(response)

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
