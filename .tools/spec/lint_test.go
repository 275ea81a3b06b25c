package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unserved are edits that OpenAPI allows and nothing here could serve, with the line and the words by which lint
// stops them.
var unserved = []struct {
	edit

	line, says string
}{
	{edit{"OpenAPI 3.1", "openapi", ": 3.0.3", ": 3.1.0"}, "openapi: 3.1.0", "Only OpenAPI 3.0 is supported"},
	{edit{"a dashed parameter", "paths:\n", "/individuals/{clientId}:", "/individuals/{client-id}:"}, "{client-id}:", "letters and digits only"},
	{edit{"a dotted parameter", "paths:\n", "/individuals/{clientId}:", "/individuals/{client.id}:"}, "{client.id}:", "letters and digits only"},
	{edit{"a parameter and a verb", "paths:\n", "{productRequestId}/submit:", "{productRequestId}:submit:"}, "{productRequestId}:submit:", "a parameter is a whole path segment"},
	{edit{"two parameters in a segment", "paths:\n", "{productRequestId}/submit:", "{productRequestId}-{clientId}:"}, "{productRequestId}-{clientId}:", "a parameter is a whole path segment"},
	{edit{"a parameter of the path", "/management/clients/individuals/{clientId}:\n", "    get:\n", "    parameters:\n      - $ref: '#/components/parameters/ClientId'\n    get:\n"}, "    parameters:\n      - $ref: '#/components/parameters/ClientId'\n    get", "into each operation"},
	{edit{"an operation by OPTIONS", "/management/clients/individuals/{clientId}:\n", "    put:\n", "    options:\n"}, "    options:", "The server answers OPTIONS by itself"},
	{edit{"a key or a token", "tags:\n", "  - ApiKey: []\n", "  - ApiKey: []\n  - Bearer: []\n"}, "security:\n  - ApiKey", "The server enforces one scheme"},
	{edit{"a key and a token", "tags:\n", "  - ApiKey: []\n", "  - ApiKey: []\n    Bearer: []\n"}, "security:\n  - ApiKey", "The server enforces one scheme"},
	{edit{"an operation that needs no key", submit, "x-access-level", "security: []\n      x-access-level"}, "      security: []\n      x-acc", "The server enforces one scheme"},
	{edit{"a token", "securitySchemes:\n", "type: apiKey\n      in: header\n      name: x-api-key", "type: http\n      scheme: bearer"}, "      type: http", "reads keys from a header"},
	{edit{"a key in the query", "securitySchemes:\n", "in: header", "in: query"}, "      in: query\n      name: x-api-key", "reads keys from a header"},
	{edit{"an error as problem+json, too", "    Conflict:\n", "        application/json:\n", "        application/problem+json:\n          schema:\n            $ref: '#/components/schemas/Error'\n          example:\n            code: VAL\n            message: No\n            trace_id: 4bf92f3577b34da6a3ce929d0e0e4736\n        application/json:\n"}, "        application/problem+json:", "a body has one media type"},
	{edit{"a form", "    ProductBody:\n", "        application/json:\n", "        application/x-www-form-urlencoded:\n"}, "        application/x-www-form-urlencoded:", "a body has one media type"},
	{edit{"an open object of a call", "    AddressInput:\n", "additionalProperties: false", "additionalProperties: true"}, "", "What a call sends must be closed"},
	{edit{"a closed object of a response", "    Address:\n", "additionalProperties: true", "additionalProperties: false"}, "", "The object is not open to new fields"},
	{edit{"an open object in a response", "    Client:\n", "        second_name:\n          type: string\n", "        second_name:\n          type: object\n          additionalProperties: true\n"}, "          additionalProperties: true", "move this below `components.schemas`"},
	{edit{"an object in a call", "    ClientInput:\n", "        last_name:\n          type: string\n", "        last_name:\n          type: object\n          properties: {first: {type: string}}\n"}, "          type: object\n          properties: {first", "move this below `components.schemas`"},
	{edit{"an object without fields", "    Client:\n", "        second_name:\n          type: string\n", "        second_name:\n          type: object # of anything\n"}, "          type: object # of anything", "move this below `components.schemas`"},
	{edit{"a closed vocabulary of its own", "    Client:\n", "        second_name:\n          type: string\n", "        second_name:\n          type: string\n          enum: [a, b]\n"}, "          enum: [a, b]", "A vocabulary has a name in Go"},
	{edit{"all errors at once", submit, "        '400':", "        4XX:\n          $ref: '#/components/responses/BadRequest'\n        '400':"}, "        4XX:", "The server sends single statuses"},
	{edit{"an address of its own", submit, "x-access-level", "servers: [{url: 'https://other.example'}]\n      x-access-level"}, "      servers: [{url: 'https://other", "All operations have the same addresses"},
	{edit{"a cookie", "    IdempotencyKey:\n", "in: header", "in: cookie"}, "      in: cookie", "Callers keep no cookies"},
	{edit{"another style of a parameter", "    ClientId:\n", "required: true", "style: label\n      required: true"}, "      style: label", "A parameter is written in one way"},
	{edit{"a list as a parameter", "operationId: listClients", "x-access-level: 1", "x-access-level: 1\n      parameters:\n        - name: status\n          in: query\n          description: Which.\n          schema: {type: array, maxItems: 3, items: {type: string, maxLength: 9, pattern: '^a*$'}}"}, "          schema: {type: array", "one plain value"},
	{edit{"an object as a header", "    Submitted:\n", "      headers:\n", "      headers:\n        X-Of:\n          description: Whose.\n          schema:\n            $ref: '#/components/schemas/RejectedItem'\n"}, "          schema:\n            $ref: '#/components/schemas/RejectedItem'\n        X-Trace-Id", "one plain value"},
	{edit{"a field without a type", "    Client:\n", "        second_name:\n          type: string\n", "        second_name: # of anything\n"}, "        second_name: # of", "give the schema a `type`"},
	{edit{"a token beside the key", "operationId: listClients", "x-access-level: 1", "x-access-level: 1\n      parameters:\n        - name: authorization\n          in: header\n          description: A token.\n          schema: {type: string, maxLength: 9, pattern: '^a*$'}"}, "        - name: authorization", "passes over a parameter `authorization`"},
	{edit{"a media type as a header", "    Submitted:\n", "      headers:\n", "      headers:\n        Content-Type:\n          description: JSON.\n          schema: {type: string}\n"}, "        Content-Type:", "passes over a header `Content-Type`"},
	{edit{"an operation id with a dash", "paths:\n", create, "operationId: create-client"}, "operationId: create-client", "letters and digits only"},
	{edit{"a status of the connection", submit, "        '400':\n", "        '102':\n          $ref: '#/components/responses/BadRequest'\n        '400':\n"}, "        '102':", "not what a call ends with"},
	{edit{"a limit of a body in words", complete, "x-max-body: 29360128", "x-max-body: 28MiB"}, "      x-max-body: 28MiB", "a number of bytes"},
	{edit{"a body of nothing", complete, "x-max-body: 29360128", "x-max-body: 0"}, "      x-max-body: 0", "a number of bytes"},
	{edit{"a limit of no body", remove, "x-access-level", "x-max-body: 10\n      x-access-level"}, "      x-max-body: 10", "has no body"},
	{edit{"a limit of a photo in words", "    Image:\n", "x-max-bytes: 10485760", "x-max-bytes: 10MiB"}, "      x-max-bytes: 10MiB", "a number of bytes"},
	{edit{"a limit of a text in bytes", "        subproduct:\n", "          minLength: 1\n", "          x-max-bytes: 64\n"}, "          x-max-bytes: 64", "Only photos have `x-max-bytes`"},
	{edit{"no personal data, in words", "    Image:\n", "x-personal: true", "x-personal: false"}, "      x-personal: false", "leave it out where nothing is personal data"},
	{edit{"personal data of another kind", "    Product:\n", "x-personal: text", "x-personal: maybe"}, "          x-personal: maybe", "`x-personal` is `true` or `text`"},
	{edit{"personal data beside a reference", "    Product:\n", "          $ref: '#/components/schemas/ProductType'\n", "          $ref: '#/components/schemas/ProductType'\n          x-personal: true\n"}, "          x-personal: true\n        status", "alongside `$ref`"},
	{edit{"values in another order than their names", "    ClientStatus:\n", "[pending, active, rejected]", "[active, pending, rejected]"}, "", "The Go name of `active` is `ClientPending`"},
	{edit{"a value in the place of another", "    ErrorCode:\n", "        - VAL\n", "        - VALIDATION\n"}, "", "The Go name of `VALIDATION` is `CodeVal`"},
	{edit{"a value twice", "    ClientStatus:\n", "[pending, active, rejected]", "[pending, active, active]"}, "", "stands there twice"},
	{edit{"a value that is a number", "    DataType:\n", "[STRING, PHONE]", "[STRING, 5]"}, "", "in quotes where it looks like something else"},
	{edit{"a pattern that looks ahead", "        subproduct:\n", "pattern: '^", "pattern: '^(?! )"}, "          pattern: '^(?! )", "without looking ahead"},
	{edit{"a pattern that refers back", "    WebhookSignature:\n", "        minLength: 1\n", "        pattern: '^(.).*\\1$|^v1'\n"}, "        pattern: '^(.)", "without references back"},
	{edit{"a pattern of many repeats", "        subproduct:\n", "'^[^\\x00-\\x1F\\x7F-\\x9F]*$'", "'^[a-z_]{1,2000}$'"}, "          pattern: '^[a-z_]{1,2000}$'", "at most 1000 repeats"},
	{edit{"one of two objects", "    Product:\n", "          $ref: '#/components/schemas/MissingRequirements'", "          description: What lacks.\n          oneOf:\n            - $ref: '#/components/schemas/MissingRequirements'\n            - $ref: '#/components/schemas/Address'"}, "          oneOf:", "A value has one schema"},
	{edit{"words beside a reference", "    Product:\n", "        created_at:\n          $ref: '#/components/schemas/Timestamp'\n", "        created_at:\n          description: When it was asked for.\n          allOf:\n            - $ref: '#/components/schemas/Timestamp'\n"}, "          allOf:", "write a `$ref` alone"},
	{edit{"a type by one of its fields", "    Notification:\n", "      type: object\n", "      type: object\n      discriminator: {propertyName: type}\n"}, "      discriminator:", "A value has one schema"},
	{edit{"a GET with a body", "operationId: getClient", "      responses:\n", "      requestBody:\n        $ref: '#/components/requestBodies/ProductBody'\n      responses:\n"}, "      requestBody:\n        $ref: '#/components/requestBodies/ProductBody'\n      responses:\n        '200':\n          $ref: '#/components/responses/ClientStored", "leave `requestBody` out"},
	{edit{"a body that may be left out", "    ProductBody:\n", "required: true", "required: false"}, "      required: false\n      content", "set `required: true`"},
	{edit{"a schema of another file", "    Clients:\n", "'#/components/schemas/Client'", "'../../../../openapi.yaml#/components/schemas/Client'"}, "", "The specification is one file"},
}

// errorLine is a finding of lint's as .ci/spec shows it.
var errorLine = regexp.MustCompile(`(?m)^ +([0-9]+):[0-9]+ +error +[^ ]+ +(.*)`)

func TestLint_saysWhatCannotBeServed(t *testing.T) {
	t.Parallel()
	for _, test := range unserved {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			file := test.apply(t, "../../openapi.yaml")
			//nolint:gosec // the file is the test's own
			out, err := exec.Command("../../.ci/redocly", file, "--format", "stylish").CombinedOutput()
			require.Error(t, err)
			first := errorLine.FindStringSubmatch(string(out))
			require.NotNil(t, first, "%s", out)
			require.Contains(t, first[2], test.says, "%s", out)
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			if test.line != "" {
				before, _, found := strings.Cut(string(text), test.line)
				require.True(t, found, test.line)
				require.Equal(t, fmt.Sprint(strings.Count(before, "\n")+1), first[1], "%s", out)
			}
		})
	}
}

func TestLint_hasOWASPsRules(t *testing.T) {
	t.Parallel()
	file := edit{after: "    ClientInput:\n", from: "          maxLength: 50\n", to: ""}.apply(t, "../../openapi.yaml")
	//nolint:gosec // the file is the test's own
	out, err := exec.Command("../../.ci/spectral", file).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "must specify maxLength")
}
