// This project's own rules for Redocly. Each message says what to do.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import served from './served.mjs';

// A plugin finds packages beside itself only; this one is where .ci/judges puts it.
const { parse } = createRequire(new URL('../bin/conformance/', import.meta.url))('yaml');

// What every operation can respond with, since the chain around it does; and what one with an id in its path
// or an Idempotency-Key can, besides.
const errors = ['400', '401', '413', '429', '500', '503', 'default'];
const withId = ['404'];
const withKey = ['409', '422'];
const takesKey = (operation) => (operation.parameters ?? []).some((parameter) => parameter.$ref === '#/components/parameters/IdempotencyKey');
const errorSchema = '#/components/schemas/Error';

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
      const expected = [...errors, ...(ctx.location.pointer.includes('{') ? withId : []), ...(takesKey(operation) ? withKey : [])].sort();
      for (const status of expected) {
        if (!operation.responses?.[status]) {
          report(`The operation has no ${status}: add it under \`responses\`, the chain around every operation like it sends it.`, 'responses');
        }
      }
      const success = Object.entries(operation.responses ?? {}).filter(([status]) => /^2[0-9][0-9]$/.test(status));
      const body = (response) => (response?.$ref ? ctx.resolve(response).node : response)?.content?.['application/json']?.schema?.$ref;
      const other = operation.responses?.['2XX'];
      if (!other || !success.some(([, response]) => response.$ref !== other.$ref && body(response) === body(other))) {
        report('The operation has no `2XX` with the body of its success: add it, as a response of its own, or generators take `default` for a second success.', 'responses');
      }
    },
  };
}

// Every response with a body has an example, and every one has its trace id.
function replies() {
  const empty = new Set(['204']); // the statuses and names of what has no body
  return {
    Operation(operation) {
      if (operation.responses?.['204']) {
        for (const status of ['204', '2XX']) empty.add(operation.responses[status]?.$ref?.split('/').at(-1));
      }
    },
    Response(response, ctx) {
      if (isCallback(ctx)) return;
      const at = { location: ctx.location.key() };
      if (!response.headers?.['X-Trace-Id']) {
        ctx.report({ message: 'The response has no `X-Trace-Id`: add `$ref: \'#/components/headers/TraceId\'` under `headers`.', ...at });
      }
      if (!response.content?.['application/json'] && !empty.has(ctx.location.pointer.split('/').at(-1))) {
        ctx.report({ message: 'The response has no `application/json`: every response of this API but a 204 has a body.', ...at });
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
        const schema = response?.content?.['application/json']?.schema;
        if (schema?.$ref !== errorSchema) {
          ctx.report({ message: `The body of ${status} has another form than every other error: make its schema \`$ref: '${errorSchema}'\`.`, location: ctx.location.child(['responses', status]) });
        }
        if ((status === '429' || status === '503') && !response?.headers?.['Retry-After']) {
          ctx.report({ message: `${status} has no \`Retry-After\`: a client would not know when to come again.`, location: ctx.location.child(['responses', status]) });
        }
      }
    },
  };
}

// Responses may get new values and new fields, and generators close what does not say that it is open.
function open() {
  return {
    NamedSchemas: {
      Schema(schema, ctx) {
        const report = (message, key) => ctx.report({ message, location: ctx.location.child(key).key() });
        if (schema.enum) {
          report('A closed `enum` makes an exception of a new value: list the values under `x-extensible-enum`, and add it to gen/api/overlay.yaml.', 'enum');
        }
        const isInput = ctx.location.pointer.endsWith('Input');
        if (typeof schema.additionalProperties === 'object') return; // a map: its names are the caller's
        if (schema.type === 'object' && isInput && schema.additionalProperties !== false) {
          report('What a call sends must be closed, or a field that is misspelt gets lost: add `additionalProperties: false`.', schema.additionalProperties === undefined ? 'type' : 'additionalProperties');
        } else if (schema.type === 'object' && !isInput && schema.additionalProperties !== true) {
          report('The object is not open to new fields: add `additionalProperties: true`.', schema.additionalProperties === undefined ? 'type' : 'additionalProperties');
        }
        for (const [name, property] of Object.entries(schema.properties ?? {})) {
          if (!property.$ref && !property.description) report(`\`${name}\` has no \`description\`: say what it is.`, ['properties', name]);
        }
      },
    },
  };
}

// What only Go's generator needs stands in gen/api/overlay.yaml: here it would be in the way of every other.
const overlayFile = 'gen/api/overlay.yaml';
const overlay = new Map();
for (const { target, update } of parse(readFileSync(new URL(`../${overlayFile}`, import.meta.url), 'utf8')).actions) {
  overlay.set(target, { ...overlay.get(target), ...update });
}

// A place in the order for every field, a Go constant for every value.
function forGo() {
  const report = (ctx, message, key) => ctx.report({ message, location: ctx.location.child(key).key() });
  return {
    NamedSchemas: {
      Schema(schema, ctx) {
        const name = ctx.location.pointer.split('/').at(-1);
        const target = `$.components.schemas.${name}`;
        const orders = overlay.get(`${target}.properties`) ?? {};
        let last = 0;
        for (const property of Object.keys(schema.properties ?? {})) {
          const order = orders[property]?.['x-order'];
          if (!(order > last)) {
            report(ctx, `\`${property}\` has no place after the field before it: give it the next \`x-order\` under \`${target}.properties\` in ${overlayFile}.`, ['properties', property]);
            return;
          }
          last = order;
        }
        const values = schema['x-extensible-enum'];
        if (!values) return;
        const names = overlay.get(target)?.['x-enum-varnames'] ?? [];
        if (names.length !== values.length) {
          report(ctx, `There are ${values.length} values and ${names.length} names: give each value a Go name in \`x-enum-varnames\` under \`${target}\` in ${overlayFile}, in the same order.`, 'x-extensible-enum');
          return;
        }
        const letters = (text) => String(text).toLowerCase().replace(/[^a-z0-9]/g, '');
        values.forEach((value, i) => {
          if (typeof value !== 'string' || values.indexOf(value) !== i) {
            report(ctx, `\`${value}\` is no text, or stands there twice: a value is text of its own, in quotes where it looks like something else.`, ['x-extensible-enum', i]);
          } else if (!letters(names[i]).endsWith(letters(value))) {
            report(ctx, `The Go name of \`${value}\` is \`${names[i]}\`, which does not end with it: put \`x-enum-varnames\` under \`${target}\` in ${overlayFile} in the order of the values.`, ['x-extensible-enum', i]);
          }
        });
      },
    },
    any(node, ctx) {
      for (const key of Object.keys(node ?? {})) {
        if (/^x-(order$|go-|enum-varnames$|oapi-codegen-)/.test(key)) {
          report(ctx, `Only Go's generator reads \`${key}\`: move it to ${overlayFile}.`, key);
        }
      }
    },
  };
}

export default function contract() {
  return {
    id: 'contract',
    rules: { oas3: { operation, replies, 'error-body': errorBody, open, 'for-go': forGo, served } },
  };
}
