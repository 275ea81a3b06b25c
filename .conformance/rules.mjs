// This project's own rules for Redocly. Each message says what to do.

// What every operation can answer, since the chain around it does.
const errors = ['400', '401', '404', '409', '413', '422', '429', '500', '503'];
const errorSchema = { 429: 'RateLimitError' };

// The notifications are calls to the provider: they have no level and no errors of ours.
const isCallback = (ctx) => ctx.location.pointer.includes('/callbacks/');

function operation() {
  return {
    Operation(operation, ctx) {
      const report = (message, key) =>
        ctx.report({ message, location: key ? ctx.location.child(key) : ctx.location.key() });
      if (!operation.operationId) report('The operation has no `operationId`: the generated method is named after it.');
      if (!operation.summary) report('The operation has no `summary`: add one line.');
      if (isCallback(ctx)) return;
      const level = operation['x-access-level'];
      if (!Number.isInteger(level) || level < 1) {
        report('The operation has no `x-access-level`: add the least level that a key needs, as a number from 1.');
      }
      for (const status of errors) {
        if (!operation.responses?.[status]) {
          report(`The operation has no ${status}: add it under \`responses\`, every operation can answer it.`, 'responses');
        }
      }
    },
  };
}

// Every reply with a body has an example, and every one has its trace id.
function replies() {
  return {
    Response(response, ctx) {
      if (isCallback(ctx)) return;
      const at = { location: ctx.location.key() };
      if (!response.headers?.['X-Trace-Id']) {
        ctx.report({ message: 'The reply has no `X-Trace-Id`: add `$ref: \'#/components/headers/TraceId\'` under `headers`.', ...at });
      }
      if (!response.content?.['application/json']) {
        ctx.report({ message: 'The reply has no `application/json`: every reply of this API has a body.', ...at });
      }
    },
    MediaType(media, ctx) {
      const examples = Object.values(media.examples ?? {});
      if (media.example === undefined && examples.length === 0) {
        ctx.report({ message: 'There is no example: add `example` or `examples`, they are documentation, mocks and tests.', location: ctx.location.key() });
      }
      for (const [name, example] of Object.entries(media.examples ?? {})) {
        if (!example.summary) {
          ctx.report({ message: `The example \`${name}\` has no \`summary\`: say in one line what it shows.`, location: ctx.location.child(['examples', name]).key() });
        }
      }
    },
  };
}

// An error has the API's one form.
function errorBody() {
  return {
    Operation(operation, ctx) {
      if (isCallback(ctx)) return;
      for (const [status, ref] of Object.entries(operation.responses ?? {})) {
        if (status < '400') continue;
        const response = ref.$ref ? ctx.resolve(ref).node : ref;
        const want = `#/components/schemas/${errorSchema[status] ?? 'Error'}`;
        const schema = response?.content?.['application/json']?.schema;
        if (schema?.$ref !== want) {
          ctx.report({ message: `The body of ${status} has another form than every other error: make its schema \`$ref: '${want}'\`.`, location: ctx.location.child(['responses', status]) });
        }
        if ((status === '429' || status === '503') && !response?.headers?.['Retry-After']) {
          ctx.report({ message: `${status} has no \`Retry-After\`: a client would not know when to come again.`, location: ctx.location.child(['responses', status]) });
        }
      }
    },
  };
}

// Beside a $ref only x-order has an effect; anything else would be silently ignored.
function refSiblings() {
  return {
    ref(ref, ctx) {
      for (const key of Object.keys(ref)) {
        if (key === '$ref' || key === 'x-order') continue;
        ctx.report({ message: `\`${key}\` beside \`$ref\` has no effect: move it into what is referred to.`, location: ctx.location.child(key).key() });
      }
    },
  };
}

// A Go constant for every enum value.
function enumNames() {
  return {
    Schema(schema, ctx) {
      if (!schema.enum) return;
      const names = schema['x-enum-varnames'] ?? [];
      if (names.length !== schema.enum.length) {
        ctx.report({ message: `There are ${schema.enum.length} values and ${names.length} names: give each value a Go name in \`x-enum-varnames\`, in the same order.`, location: ctx.location.child('enum').key() });
      }
    },
  };
}

export default function contract() {
  return {
    id: 'contract',
    rules: { oas3: { operation, replies, 'error-body': errorBody, 'ref-siblings': refSiblings, 'enum-names': enumNames } },
  };
}
