package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// edit puts one text in the place of another, the first that stands after a third.
type edit struct{ name, after, from, to string }

// Where the operations stand that the edits are about.
const (
	create   = "operationId: createClient"
	remove   = "operationId: deleteClient"
	submit   = "operationId: submitProduct"
	complete = "operationId: completeDocumentation"
	notify   = "operationId: notifyProvider"
)

var breakingEdits = []edit{
	{"a higher access level", submit, "x-access-level: 3", "x-access-level: 4"},
	{"no access level", submit, "x-access-level: 3", "x-other: 3"},
	{"a narrower pattern of ids", "    Id:\n", "'^[A-Za-z0-9_-]{1,64}$'", "'^[A-Za-z0-9]{1,32}$'"},
	{"another type of what is sent", "        replace:\n", "type: boolean", "type: string"},
	{"a narrower idempotency key", "    IdempotencyKey:\n", "'^[!-~]+$'", "'^[0-9a-f-]{36}$'"},
	{"a shorter idempotency key", "    IdempotencyKey:\n", "maxLength: 255", "maxLength: 36"},
	{"a required idempotency key", "    IdempotencyKey:\n", "required: false", "required: true"},
	{"an idempotency key of another name", "    IdempotencyKey:\n", "name: Idempotency-Key", "name: Request-Key"},
	{"an idempotency key in the query", "    IdempotencyKey:\n", "in: header", "in: query"},
	{"a parameter less", submit, "        - $ref: '#/components/parameters/IdempotencyKey'\n", ""},
	{"another style of a parameter", "    ClientId:\n", "in: path", "in: path\n      style: label"},
	{"another form of webhook-id", "    WebhookId:\n", "'^[A-Za-z0-9_-]{1,64}$'", "'^ntf:[0-9]+$'"},
	{"a webhook-timestamp in milliseconds", "    WebhookTimestamp:\n", "{1,12}", "{13}"},
	{"a longer signature", "    WebhookSignature:\n", "maxLength: 2048", "maxLength: 4096"},
	{"a signature of another name", "    WebhookSignature:\n", "name: webhook-signature", "name: signature"},
	{"an optional signature", "    WebhookSignature:\n", "required: true", "required: false"},
	{"a header of the notification less", notify, "                - $ref: '#/components/parameters/WebhookSignature'\n", ""},
	{"a notification by PUT", "https://provider.example/notifications:\n", "post:", "put:"},
	{"a notification more", "      callbacks:\n", "        requestInKyc:\n", "        requestDone:\n          https://provider.example/done:\n            post:\n              responses: {'204': {description: Accepted.}}\n        requestInKyc:\n"},
	{"a notification of another name", "      callbacks:\n", "requestInKyc:", "requestMoved:"},
	{"a notification to another address", "      callbacks:\n", "https://provider.example/notifications:", "'{$request.body#/address}':"},
	{"a notification in another media type", notify, "application/json:", "application/cloudevents+json:"},
	{"a notification with a key", notify, "security: []", "security: [{ApiKey: []}]"},
	{"a field of the notification less", "    NotificationData:\n", "        company_id:\n          $ref: '#/components/schemas/Id'\n", ""},
	{"a response that the provider could give", notify, "                '410':\n                  description: Gone. No further attempt is made for this notification.\n", ""},
	{"another form of trace id", "    TraceId:\n      type", "'^[0-9a-f]{32}$'", "'^[0-9A-F-]{36}$'"},
	{"longer ids", "    Id:\n", "{1,64}", "{1,128}"},
	{"a pattern with a bar", "        subproduct:\n", "'^[^\\x00-\\x1F\\x7F-\\x9F]*$'", "'^(a | b)$'"},
	{"an extension of several lines", submit, "x-access-level: 3", "x-access-level: 3\n      x-note: |\n        one\n        two"},
	{"another pattern of a country", "    AddressInput:\n", "'^[A-Z]{3}$'", "'^[A-Z]{3}|[0-9]{3}$'"},
	{"an optional trace id", "  headers:\n    TraceId:\n", "required: true", "required: false"},
	{"a longer wait", "    RetryAfter:\n", "maximum: 86400", "maximum: 604800"},
	{"a wait that may be 0", "    RetryAfter:\n", "minimum: 1", "minimum: 0"},
	{"a wait as text", "    RetryAfter:\n", "type: integer", "type: string"},
	{"a header of a response less", "    Deleted:\n", "        X-Trace-Id:\n", "        X-Other-Id:\n"},
	{"a header that every response has to have", "    Deleted:\n", "      headers:\n", "      headers:\n        X-Served-By:\n          required: true\n          schema: {type: string}\n"},
	{"a number of more bits", "    Client:\n", "format: int32", "format: int64"},
	{"a format less in a response", "    Client:\n", "          format: int32\n", ""},
	{"a format of what is sent", "    ClientInput:\n", "format: date\n", "format: date-time\n"},
	{"another type in a response", "    Client:\n", "type: integer", "type: string"},
	{"a nullable field of a response", "    Client:\n", "        first_name:\n          type: string\n", "        first_name:\n          type: string\n          nullable: true\n"},
	{"an optional field of a response that was required", "    Product:\n", "missing_requirements, created_at", "created_at"},
	{"a field that every response has to have", "    RejectedItem:\n", "[type, key, reason]", "[type, key, reason, severity]"},
	{"an optional field of a response less", "    Product:\n", "        rejection_code:\n          type: string\n", "        reason_code:\n          type: string\n"},
	{"a field that calls may have less", "    AddressInput:\n", "        street_line2:\n", "        street_line3:\n"},
	{"a field that calls have to have", "    DocumentInput:\n", "[document_type, image_front]", "[document_type, image_front, metadata]"},
	{"a shorter text", "    ClientInput:\n", "maxLength: 50", "maxLength: 40"},
	{"a longer least text", "    ClientInput:\n", "minLength: 1", "minLength: 2"},
	{"a smaller number", "    ClientInput:\n", "maximum: 999\n", "maximum: 99\n"},
	{"fewer values of a map", "    DocumentMetadata:\n", "maxProperties: 32", "maxProperties: 8"},
	{"shorter values of a map", "    DocumentMetadata:\n", "maxLength: 200", "maxLength: 100"},
	{"another default", "        replace:\n", "default: false", "default: true"},
	{"a map that is closed", "    DocumentMetadata:\n", "additionalProperties:\n        type: string\n        maxLength: 200\n        pattern: '^[^\\x00-\\x1F\\x7F-\\x9F]*$'", "additionalProperties: false"},
	{"a closed object in a response", "    Product:\n", "additionalProperties: true", "additionalProperties: false"},
	{"a smaller body", complete, "x-max-body: 29360128", "x-max-body: 1048576"},
	{"a smaller photo", "    Image:\n", "x-max-bytes: 10485760", "x-max-bytes: 1048576"},
	{"a value less", "    ProductStatus:\n", "enabled, rejected", "rejected"},
	{"a closed vocabulary", "    ProductStatus:\n", "x-extensible-enum:", "enum:"},
	{"another extension", submit, "x-access-level: 3", "x-access-level: 3\n      x-quota: 10"},
	{"another header of the key", "securitySchemes:\n", "name: x-api-key", "name: api-key"},
	{"a key in the query", "securitySchemes:\n", "in: header", "in: query"},
	{"a key or a token", "tags:\n", "  - ApiKey: []", "  - ApiKey: []\n  - Bearer: []"},
	{"an operation that needs no key", submit, "x-access-level: 3", "security: []\n      x-access-level: 3"},
	{"another address of the server", "servers:\n", "https://api.cryptomate.me", "https://api.cryptomate.example"},
	{"another path", "paths:\n", "  /management/clients/individuals:", "  /management/clients/people:"},
	{"another method", "individuals/{clientId}:\n", "    put:\n", "    patch:\n"},
	{"another name of a parameter", "    ClientId:\n", "name: clientId", "name: client"},
	{"another operation id", "paths:\n", create, "operationId: addClient"},
	{"another success", create, "'201':", "'202':"},
	{"an error less", create, "        '412':\n          $ref: '#/components/responses/StateRefused'\n", ""},
	{"a body that was not asked for", submit, "      responses:\n", "      requestBody:\n        required: true\n        content:\n          application/json:\n            schema: {type: object}\n      responses:\n"},
	{"no body any more", create, "      requestBody:\n        $ref: '#/components/requestBodies/ClientBody'\n", ""},
	{"a body that has to be sent in another media type", "    ClientBody:\n", "application/json:", "application/xml:"},
	{"a list that is an object", "    Clients:\n", "type: array", "type: object"},
	{"a list of something else", "    Clients:\n", "schemas/Client'", "schemas/Product'"},
	{"a type of another name", "    RejectedItem:\n", "          $ref: '#/components/schemas/RejectedItemType'\n        key:\n          type: string\n          description: The kind of document (`passport`), or the key of the data field (`phone`).\n        reason:\n          type: string\n          x-personal: text\n          description: What is wrong with it, in plain words.\n    RejectedItemType:\n", "          $ref: '#/components/schemas/ItemType'\n        key:\n          type: string\n          description: The kind of document (`passport`), or the key of the data field (`phone`).\n        reason:\n          type: string\n          x-personal: text\n          description: What is wrong with it, in plain words.\n    ItemType:\n"},
	{"another link", "    DocumentationCompleted:\n", "operationId: submitProduct", "operationId: getClient"},
	{"rules in a word that is not known", "    Clients:\n", "type: array", "type: array\n      uniqueItems: true"},
	{"another first server", "servers:\n", "  - url: https://api.cryptomate.me\n    description: Production\n  - url: https://api.sandbox.cryptomate.me\n    description: Sandbox\n", "  - url: https://api.sandbox.cryptomate.me\n    description: Sandbox\n  - url: https://api.cryptomate.me\n    description: Production\n"},
	{"one server before the first", "servers:\n", "  - url: https://api.crypto", "  - url: https://api.new.example\n    description: New\n  - url: https://api.crypto"},
	{"an address with a variable", "servers:\n", "https://api.cryptomate.me", "https://{host}.cryptomate.me"},
	{"another tag of an operation", submit, "[Product enablement]", "[Requests]"},
	{"an error code of a status less", "    Conflict:\n", "            in_progress:\n              summary: The first call with this Idempotency-Key still runs\n              value:\n                code: IDEMPOTENCY_IN_PROGRESS\n                message: A call with this Idempotency-Key is still running\n                trace_id: 4bf92f3577b34da6a3ce929d0e0e4736\n", ""},
	{"another error code of a status", "    ContentTooLarge:\n", "code: PAYLOAD_TOO_LARGE", "code: BAD_REQUEST"},
	{"an error with fewer codes", create, "responses/ClientRefused", "responses/BadRequest"},
	{"a redirect", submit, "        '400':\n", "        '303':\n          description: Elsewhere.\n        '400':\n"},
	{"all redirects", create, "        '400':\n", "        3XX:\n          description: Elsewhere.\n        '400':\n"},
	{"only some of the other errors", submit, "        default:\n", "        5XX:\n"},
	{"personal data that is no more", "    Client:\n", "      x-personal: true\n", ""},
	{"personal data that is only text with some", "    Image:\n", "x-personal: true", "x-personal: text"},
	{"a limit of a body", create, "x-access-level: 1", "x-access-level: 1\n      x-max-body: 1024"},
	{"a body without a limit of its own", complete, "      x-max-body: 29360128\n", ""},
	{"a photo without a limit", "    Image:\n", "      x-max-bytes: 10485760\n", ""},
	{"a type written in place", "    Product:\n", "        created_at:\n          $ref: '#/components/schemas/Timestamp'\n", "        created_at:\n          type: string\n          pattern: '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?$'\n"},
	{"a word beside a reference", "    Product:\n", "        created_at:\n          $ref: '#/components/schemas/Timestamp'\n", "        created_at:\n          $ref: '#/components/schemas/Timestamp'\n          nullable: true\n"},
	{"another vocabulary", "    RejectedItem:\n", "schemas/RejectedItemType", "schemas/DataType"},
	{"a number of any size", "    ClientInput:\n", "          format: int32\n", ""},
	{"a format of what is sent that had none", "        subproduct:\n", "type: string", "type: string\n          format: uuid"},
	{"a format in a response that had none", "    Product:\n", "        rejection_code:\n          type: string", "        rejection_code:\n          type: string\n          format: uri"},
	{"a body that a provider has to respond with", notify, "                  description: Gone. No further attempt is made for this notification.\n", "                  description: Gone. No further attempt is made for this notification.\n                  content:\n                    application/json:\n                      schema: {type: object}\n"},
	{"a header that every notification has to have", notify, "                - $ref: '#/components/parameters/WebhookId'\n", "                - $ref: '#/components/parameters/WebhookId'\n                - {name: webhook-attempt, in: header, required: true, schema: {type: integer}}\n"},
	{"a notification without an id", notify, "                - $ref: '#/components/parameters/WebhookId'\n", ""},
	{"an extension of the notification", notify, "              tags: [Product enablement]\n              summary: Tell", "              tags: [Product enablement]\n              x-retry: 3\n              summary: Tell"},
	{"another operation id of the notification", submit, "operationId: notifyProvider", "operationId: tellProvider"},
	{"a notification that may be empty", notify, "                required: true\n", "                required: false\n"},
	{"a notification without an envelope", notify, "#/components/schemas/Notification'", "#/components/schemas/NotificationData'"},
	{"a provider that may not fail", notify, "                default:\n                  description: Not accepted. The attempt is repeated on the schedule.\n", ""},
	{"another status by which a provider accepts", notify, "'204':", "'200':"},
	{"a time of the notification in milliseconds", "    Notification:\n", "        timestamp:\n          $ref: '#/components/schemas/Timestamp'\n", "        timestamp:\n          type: integer\n          format: int64\n"},
	{"a nullable field of the notification", "    NotificationData:\n", "        submitted_at:\n          $ref: '#/components/schemas/Timestamp'\n", "        submitted_at:\n          type: string\n          nullable: true\n"},
	{"a notification to a second address", submit, "          https://provider.example/notifications:\n", "          https://provider.example/other:\n            post:\n              responses: {'204': {description: A}}\n          https://provider.example/notifications:\n"},
	{"no notifications", submit, "      callbacks:\n", "      x-callbacks:\n"},
	{"a notification of another operation", remove, "      responses:\n", "      callbacks:\n        gone:\n          https://provider.example/notifications:\n            delete:\n              responses: {'204': {description: A}}\n      responses:\n"},
	{"a wait as a moment", "    RetryAfterOptional:\n", "        type: integer\n        format: int32\n        minimum: 1\n        maximum: 86400\n", "        type: string\n        format: date-time\n"},
	{"no wait after a 503", "    ServiceUnavailable:\n", "        Retry-After:\n          $ref: '#/components/headers/RetryAfter'\n", ""},
	{"a 429 that may come without a wait", "    TooManyRequests:\n", "headers/RetryAfter'", "headers/RetryAfterOptional'"},
	{"a wait with every 409", "    Conflict:\n", "headers/RetryAfterOptional'", "headers/RetryAfter'"},
	{"a trace id that is any id", "  headers:\n    TraceId:\n", "schemas/TraceId'", "schemas/Id'"},
	{"a trace id in another header", "    Submitted:\n", "X-Trace-Id:", "X-Request-Id:"},
	{"a location that every response has to have", "    ClientCreated:\n", "      headers:\n", "      headers:\n        Location:\n          required: true\n          schema: {type: string}\n"},
	{"a body where there was none", "    Deleted:\n", "      headers:\n", "      content:\n        application/json:\n          schema:\n            $ref: '#/components/schemas/Client'\n      headers:\n"},
	{"another status of a removal", remove, "'204':", "'200':"},
	{"a list in an envelope", "    ClientsListed:\n", "            $ref: '#/components/schemas/Clients'\n", "            type: object\n            properties: {items: {$ref: '#/components/schemas/Clients'}}\n"},
	{"ids instead of objects", "    Products:\n", "schemas/Product'", "schemas/Id'"},
	{"a limit of a list", "    Clients:\n", "      type: array\n", "      type: array\n      maxItems: 100\n"},
	{"a list that is never empty", "    Clients:\n", "      type: array\n", "      type: array\n      minItems: 1\n"},
	{"a nullable id", "    Id:\n", "      type: string\n", "      type: string\n      nullable: true\n"},
	{"a field that calls may not send", "    ClientInput:\n", "        second_name:\n          type: string\n", "        second_name:\n          type: string\n          readOnly: true\n"},
	{"a field that responses leave out", "    Client:\n", "        email:\n          type: string\n", "        email:\n          type: string\n          writeOnly: true\n"},
	{"numbers in steps", "    ClientInput:\n", "        phone_number:\n          type: integer\n", "        phone_number:\n          type: integer\n          multipleOf: 10\n"},
	{"a limit that is outside", "    ClientInput:\n", "          minimum: 1\n", "          minimum: 1\n          exclusiveMinimum: true\n"},
	{"a whole number that is any", "    ClientInput:\n", "          type: integer\n", "          type: number\n"},
	{"a query that calls have to have", "operationId: listClients", "      responses:\n", "      parameters:\n        - {name: page, in: query, required: true, schema: {type: integer}}\n      responses:\n"},
	{"a default of a header", "    IdempotencyKey:\n", "        type: string\n", "        type: string\n        default: none\n"},
	{"a header that may be empty", "    IdempotencyKey:\n", "      required: false\n", "      required: false\n      allowEmptyValue: true\n"},
	{"an exploded parameter", "    ClientId:\n", "      in: path\n", "      in: path\n      explode: true\n"},
	{"a parameter in JSON", "    IdempotencyKey:\n", "      schema:\n        type: string\n        x-personal: true\n        minLength: 1\n        maxLength: 255\n        pattern: '^[!-~]+$'\n", "      content:\n        application/json:\n          schema: {type: string}\n"},
	{"a media type with a charset", "    ClientBody:\n", "application/json:", "application/json; charset=utf-8:"},
	{"errors in another media type", "    BadRequest:\n", "application/json:", "application/problem+json:"},
	{"another name of the message of errors", "    Error:\n", "        message:\n", "        detail:\n"},
	{"one name of the error code less", "    Error:\n", "        error_code:\n          $ref: '#/components/schemas/ErrorCode'\n", ""},
	{"an error code in small letters", "    ErrorCode:\n", "        - VAL\n", "        - val\n"},
	{"a vocabulary of any values", "    DataType:\n", "      x-extensible-enum: [STRING, PHONE]\n", ""},
	{"a vocabulary that is closed", "    ProductType:\n", "x-extensible-enum", "enum"},
	{"another verb in a path", "paths:\n", "{productRequestId}/submit:", "{productRequestId}/submission:"},
	{"a slash at the end of a path", "paths:\n", "{productRequestId}/submit:", "{productRequestId}/submit/:"},
	{"a creation by PUT", "paths:\n  /management/clients/individuals:\n", "    post:\n", "    put:\n"},
	{"a key that is optional", "tags:\n", "  - ApiKey: []\n", "  - ApiKey: []\n  - {}\n"},
	{"no keys at all", "tags:\n", "security:\n  - ApiKey: []\n", ""},
	{"a removal that needs no key", remove, "      x-access-level: 3\n", "      x-access-level: 3\n      security:\n        - {}\n"},
	{"another name of the scheme", "securitySchemes:\n", "    ApiKey:", "    Key:"},
	{"a scheme of another type", "securitySchemes:\n", "type: apiKey", "type: http"},
	{"a higher access level of a list", "operationId: listClients", "x-access-level: 1", "x-access-level: 2"},
	{"an access level that is a word", "operationId: listClients", "x-access-level: 1", "x-access-level: admin"},
	{"another parameter of a link", "    ClientCreated:\n", "            clientId: $response.body#/id\n", "            clientId: $response.body#/client_id\n"},
	{"a link less", "    ClientCreated:\n", "        delete:\n          operationId: deleteClient\n          description: Remove the client.\n          parameters:\n            clientId: $response.body#/id\n", ""},
	{"a link with a body", "    ClientCreated:\n", "          operationId: deleteClient\n", "          operationId: deleteClient\n          requestBody: $response.body#/id\n"},
	{"one more requirement of an object", "    Product:\n", "          $ref: '#/components/schemas/MissingRequirements'", "          allOf:\n            - $ref: '#/components/schemas/MissingRequirements'\n            - type: object\n              required: [notes]"},
	{"an object that may be a text", "    Product:\n", "          $ref: '#/components/schemas/MissingRequirements'", "          anyOf:\n            - $ref: '#/components/schemas/MissingRequirements'\n            - type: string"},
	{"a photo by its address", "    Image:\n", "      x-max-bytes: 10485760\n      minLength: 1\n", "      format: uri\n"},
	{"a photo of another form", "    Image:\n", "      minLength: 1\n", "      minLength: 1\n      pattern: '^data:'\n"},
	{"a map of numbers", "    DocumentMetadata:\n", "        type: string\n", "        type: integer\n"},
	{"a map that is never empty", "    DocumentMetadata:\n", "      maxProperties: 32\n", "      maxProperties: 32\n      minProperties: 1\n"},
	{"an extension of the paths", "paths:\n", "paths:\n", "paths:\n  x-prefix: /v2\n"},
	{"an extension of all", "tags:\n", "tags:\n", "x-rate-limit: 5\ntags:\n"},
	{"an extension of the info", "info:\n", "info:\n", "info:\n  x-audience: internal\n"},
	{"an extension of a response", "    Submitted:\n", "      headers:\n", "      x-cache: 60\n      headers:\n"},
	{"an extension of a parameter", "    IdempotencyKey:\n", "      in: header\n", "      in: header\n      x-hours: 1\n"},
	{"an extension of a header", "    RetryAfter:\n", "      required: true\n", "      required: true\n      x-unit: ms\n"},
	{"an extension of a media type", "    Submitted:\n", "        application/json:\n", "        application/json:\n          x-envelope: data\n"},
	{"a condition that calls have to have", "operationId: updateClient", "        - $ref: '#/components/parameters/ClientId'\n", "        - $ref: '#/components/parameters/ClientId'\n        - {name: If-Match, in: header, required: true, schema: {type: string}}\n"},
	{"a field in another case", "    Client:\n", "        second_name:", "        secondName:"},
	{"a body without its envelope", "    DocumentationCompleted:\n", "schemas/EvaluatedProduct", "schemas/Product"},
	{"no other successes", submit, "        2XX:\n          $ref: '#/components/responses/OtherSuccess'\n", ""},
	{"another body of other successes", submit, "responses/OtherSuccess", "responses/OtherProduct"},
	{"no other errors", submit, "        default:\n          $ref: '#/components/responses/OtherError'\n", ""},
	{"a success that may mean something else", submit, "        '200':\n", "        '202':\n          $ref: '#/components/responses/OtherSuccess'\n        '200':\n"},
	{"a header that all operations of a path have to have", "individuals/{clientId}:\n", "    get:\n", "    parameters:\n      - {name: X-Company, in: header, required: true, schema: {type: string}}\n    get:\n"},
	{"a server of a path", "individuals/{clientId}:\n", "    get:\n", "    servers:\n      - url: https://other.example\n    get:\n"},
	{"a server of an operation", submit, "      x-access-level", "      servers:\n        - url: https://other.example\n      x-access-level"},
	{"fewer hours in a description", "    IdempotencyKey:\n", "for 24 hours", "for 1 hour"},
	{"fewer seconds in the description of the notification", notify, "within 15 seconds", "within 5 seconds"},
	{"fewer calls in the description of a response", "    TooManyRequests:\n", "Over 15 requests", "Over 5 requests"},
}

var compatibleEdits = []edit{
	{"another title", "info:\n", "Product enablement", "Enablement"},
	{"another description", "info:\n", "The way of", "This is the way of"},
	{"another contact", "contact:\n", "/issues", "/discussions"},
	{"another license", "license:\n", "name: MIT", "name: MIT license"},
	{"another description of a server", "servers:\n", "description: Production", "description: Live"},
	{"one server more", "servers:\n", "  - url: https://api.sandbox", "  - url: https://api.eu.cryptomate.me\n    description: Europe\n  - url: https://api.sandbox"},
	{"one tag more", "tags:\n", "  - name: Clients", "  - name: Cards\n    description: Cards.\n  - name: Clients"},
	{"another summary", submit, "Submit product enablement request", "Submit a request"},
	{"another description of an operation", submit, "Evaluates a pending request", "Looks at a pending request"},
	{"another description of a parameter", "    ClientId:\n", "Unique identifier", "The identifier"},
	{"another example of a parameter", "    IdempotencyKey:\n", "0b0c7a0e", "1b0c7a0e"},
	{"another description of a header", "  headers:\n", "Identifies this call", "Names this call"},
	{"another description of a response", "    Submitted:\n", "The request after", "The product request after"},
	{"another description of a field", "    Product:\n", "Why the request was rejected, as a code", "The reason as a code"},
	{"another example of a field", "    Product:\n", "example: REJECTED_BY_PROVIDER", "example: REJECTED"},
	{"another example of a response", "    Submitted:\n", "summary: Nothing left missing", "summary: Nothing is missing"},
	{"one example more", "    Conflict:\n", "            in_progress:\n", "            other:\n              summary: Another\n              value: {code: VAL, message: No, trace_id: 4bf92f3577b34da6a3ce929d0e0e4736}\n            in_progress:\n"},
	{"another example of the notification", notify, "company_id: cmp_7Yk2", "company_id: cmp_1"},
	{"another description of the notification", notify, "Delivery is at least once.", "A notification may come twice."},
	{"other words of a link", "    DocumentationCompleted:\n", "Submit the request, once", "Submit it as soon as"},
	{"one link more", "    Submitted:\n", "      links:\n", "      links:\n        client:\n          operationId: getClient\n"},
	{"an external page", submit, "x-access-level: 3", "externalDocs: {url: 'https://docs.example'}\n      x-access-level: 3"},
	{"an optional field of a response", "    Product:\n", "        rejection_code:\n", "        provider_reference:\n          type: string\n        rejection_code:\n"},
	{"an optional field of the notification", "    NotificationData:\n", "        company_id:\n", "        attempt:\n          type: integer\n        company_id:\n"},
	{"an optional object of a response", "    Client:\n", "        address:\n", "        billing:\n          $ref: '#/components/schemas/Address'\n        address:\n"},
	{"an optional field of a call", "    ClientInput:\n", "        email:\n", "        nickname:\n          type: string\n          maxLength: 50\n        email:\n"},
	{"an optional field of a call that was required", "    AddressInput:\n", "postal_code, state, country]", "postal_code, country]"},
	{"a longer text", "    ClientInput:\n", "maxLength: 50", "maxLength: 100"},
	{"a shorter least text", "    ClientInput:\n", "minLength: 3", "minLength: 1"},
	{"a greater number", "    ClientInput:\n", "maximum: 999\n", "maximum: 9999\n"},
	{"no limit any more", "    ClientInput:\n", "          maximum: 999\n", ""},
	{"no pattern any more", "    ClientInput:\n", "          pattern: '^[^\\x00-\\x1F\\x7F-\\x9F]*$'\n", ""},
	{"a pattern that takes more letters", "        subproduct:\n", "[^\\x00-\\x1F\\x7F-\\x9F]*$'", "[^\\x00-\\x1F]*$'"},
	{"a pattern of an idempotency key that takes spaces", "    IdempotencyKey:\n", "'^[!-~]+$'", "'^[ -~]+$'"},
	{"more values of a map", "    DocumentMetadata:\n", "maxProperties: 32", "maxProperties: 64"},
	{"a nullable field of a call", "    ClientInput:\n", "          type: string\n          description: The middle", "          type: string\n          nullable: true\n          description: The middle"},
	{"a longer idempotency key", "    IdempotencyKey:\n", "maxLength: 255", "maxLength: 512"},
	{"a greater body", complete, "x-max-body: 29360128", "x-max-body: 58720256"},
	{"a greater photo", "    Image:\n", "x-max-bytes: 10485760", "x-max-bytes: 20971520"},
	{"a lower access level", submit, "x-access-level: 3", "x-access-level: 2"},
	{"an optional header of a call", "      operationId: listClients\n", "      responses:\n", "      parameters:\n        - {name: X-Request-Source, in: header, schema: {type: string}}\n      responses:\n"},
	{"an optional query", "      operationId: listClients\n", "      responses:\n", "      parameters:\n        - {name: limit, in: query, schema: {type: integer, minimum: 1}}\n      responses:\n"},
	{"an optional header of a response", "    Submitted:\n", "      headers:\n", "      headers:\n        X-Served-By:\n          schema: {type: string}\n"},
	{"one error more", submit, "        '429':\n", "        '423':\n          $ref: '#/components/responses/Conflict'\n        '429':\n"},
	{"one value more of an open vocabulary", "    ProductStatus:\n", "enabled, rejected", "enabled, paused, rejected"},
	{"one error code more", "    ErrorCode:\n", "        - SERVICE_UNAVAILABLE\n", "        - SERVICE_UNAVAILABLE\n        - MAINTENANCE\n"},
	{"one operation more", "individuals/{clientId}:\n", "    put:\n", "    patch:\n      operationId: patchClient\n      x-access-level: 3\n      parameters:\n        - $ref: '#/components/parameters/ClientId'\n      responses:\n        '204': {description: Done.}\n    put:\n"},
	{"one path more", "paths:\n", "  /management/clients/individuals:\n", "  /management/countries:\n    get:\n      operationId: listCountries\n      x-access-level: 1\n      responses:\n        '200': {description: Countries.}\n  /management/clients/individuals:\n"},
	{"one way more to accept a notification", notify, "                '410':\n", "                '202':\n                  description: Accepted, for later.\n                '410':\n"},
	{"a deprecated field", "    Client:\n", "          type: string\n", "          type: string\n          deprecated: true\n"},
	{"a field that is personal data", "    Product:\n", "        rejection_code:\n", "        rejection_code:\n          x-personal: text\n"},
	{"text that is personal data", "    RejectedItem:\n", "x-personal: text", "x-personal: true"},
	{"a number more in a description", "    IdempotencyKey:\n", "for 24 hours", "for 24 hours, which are 1440 minutes,"},
	{"a description without its numbers", "    IdempotencyKey:\n", "for 24 hours", "for a day"},
	{"an error code of a status more", "    NotFound:\n", "            request:\n", "            other:\n              summary: Another\n              value: {code: VAL, message: No, trace_id: 4bf92f3577b34da6a3ce929d0e0e4736}\n            request:\n"},
	{"a deprecated operation", remove, "x-access-level: 3", "deprecated: true\n      x-access-level: 3"},
	{"a component of what was written in place", "        reason:\n", "          type: string\n          x-personal: text\n          description: What is wrong with it, in plain words.\n    RejectedItemType:\n", "          $ref: '#/components/schemas/Reason'\n    Reason:\n      type: string\n      x-personal: text\n    RejectedItemType:\n"},
	{"a least text of none", "        rejection_code:\n", "type: string", "type: string\n          minLength: 0"},
	{"a map that may be empty", "    DocumentMetadata:\n", "maxProperties: 32", "maxProperties: 32\n      minProperties: 0"},
	{"a list whose items may be the same", "    Clients:\n", "type: array", "type: array\n      uniqueItems: false"},
	{"what is said by leaving it out", "    IdempotencyKey:\n", "      required: false\n", ""},
	{"another order of fields", "    RejectedItem:\n", "[type, key, reason]", "[reason, type, key]"},
	{"another 3.0", "openapi", "3.0.3", "3.0.4"},
	{"the header of the key in another case", "securitySchemes:\n", "name: x-api-key", "name: X-Api-Key"},
	{"a header of a response in another case", "    Deleted:\n", "X-Trace-Id:", "x-trace-id:"},
	{"a pattern in other letters", "    WebhookTimestamp:\n", "[0-9]", "\\d"},
	{"a later version", "info:\n", "version: 1.0.0", "version: 1.1.0"},
}

// apply makes the edit in a copy of a specification, and returns the copy.
func (e edit) apply(t *testing.T, specification string) string {
	t.Helper()
	text, err := os.ReadFile(specification)
	require.NoError(t, err)
	head, tail, found := strings.Cut(string(text), e.after)
	require.True(t, found, "%q is not in %s", e.after, specification)
	if strings.Contains(e.after, e.from) {
		tail, head = e.after+tail, strings.TrimSuffix(head, e.after)
	} else {
		head += e.after
	}
	require.True(t, strings.Contains(tail, e.from), "%q does not follow %q in %s", e.from, e.after, specification)
	file := filepath.Join(t.TempDir(), "openapi.yaml")
	require.NoError(t, os.WriteFile(file, []byte(head+strings.Replace(tail, e.from, e.to, 1)), 0o600))
	return file
}

// oasdiff builds the pinned oasdiff, once.
var oasdiff = sync.OnceValues(func() (string, error) {
	directory, err := os.MkdirTemp("", "oasdiff")
	if err != nil {
		return "", err
	}
	file := filepath.Join(directory, "oasdiff")
	return file, exec.Command("go", "build", "-o", file, "github.com/oasdiff/oasdiff").Run()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if file, err := oasdiff(); err == nil {
		_ = os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

func (e edit) judge(t *testing.T) *comparison {
	t.Helper()
	binary, err := oasdiff()
	require.NoError(t, err)
	c, err := judge(binary, "released.yaml", e.apply(t, "released.yaml"))
	require.NoError(t, err)
	return c
}

func TestVerdict_whatBreaksIsNeverCompatible(t *testing.T) {
	t.Parallel()
	for _, e := range breakingEdits {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, e.judge(t).verdict(t.Output()), "add the line '")
		})
	}
}

// The generated types have the names of the components.
func TestVerdict_aComponentOfAnotherNameIsReviewed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("released.yaml")
	require.NoError(t, err)
	for _, name := range []string{"ProductRequestId", "ProductBody", "Submitted", "DataType", "Timestamp"} {
		before, err := parse("before", text)
		require.NoError(t, err)
		renamed := regexp.MustCompile(`(/| {4})`+name+`(:|')`).ReplaceAllString(string(text), "${1}Another$2")
		after, err := parse("after", []byte(renamed))
		require.NoError(t, err)
		changes := compare(before, after)
		require.NotEmpty(t, changes, name)
		for _, change := range changes {
			require.Equal(t, review, change.verdict, change.text)
		}
	}
}

func TestVerdict_whatTurnsNobodyAwayPasses(t *testing.T) {
	t.Parallel()
	require.Greater(t, len(compatibleEdits), 30)
	for _, e := range compatibleEdits {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, e.judge(t).verdict(t.Output()))
		})
	}
}
