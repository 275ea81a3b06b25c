// What OpenAPI can say, and this project's server, clients and generator can't serve. Each message says so: it
// would otherwise come up as something else, in a later step.
const isCallback = (ctx) => ctx.location.pointer.includes('/callbacks/');
const isBytes = (value) => Number.isInteger(value) && value > 0;
const methods = ['get', 'put', 'post', 'delete', 'patch'];

export default function served() {
  const at = (ctx, message, key) => ctx.report({ message, location: key === undefined ? ctx.location : ctx.location.child(key).key() });
  const oneScheme = (security, ctx) => {
    if (security && (security.length !== 1 || Object.keys(security[0]).length !== 1)) {
      at(ctx, 'The server enforces one scheme for every operation: let `security` name exactly one, with no alternative and no second one.', 'security');
    }
  };
  const onePlainValue = (field, ctx) => {
    const schema = field.schema?.$ref ? ctx.resolve(field.schema).node : field.schema;
    if (schema && !['string', 'integer', 'number', 'boolean'].includes(schema.type)) {
      at(ctx, 'A parameter or a header is one plain value: let its `schema` have the type string, integer, number or boolean.', 'schema');
    }
  };
  return {
    Root(root, ctx) {
      if (!/^3\.0\.\d+$/.test(root.openapi)) at(ctx, `Only OpenAPI 3.0 is supported, and this says ${root.openapi}: set \`openapi: 3.0.3\`.`, 'openapi');
      oneScheme(root.security ?? [], ctx);
    },
    ref(node, ctx) {
      if (!node.$ref.startsWith('#/')) at(ctx, 'The specification is one file, which is embedded whole: move what the reference leads to into it.', '$ref');
    },
    PathItem(item, ctx) {
      if (item.servers) at(ctx, 'All operations have the same addresses: move `servers` to the top.', 'servers');
      if (isCallback(ctx)) return;
      if (item.parameters) at(ctx, 'Parameters are read from operations: move `parameters` into each operation of the path.', 'parameters');
      for (const method of ['head', 'options', 'trace'].filter((method) => item[method])) {
        at(ctx, `The server answers ${method.toUpperCase()} by itself: an operation is one of ${methods.join(', ')}.`, method);
      }
      const path = ctx.key;
      const seen = new Set();
      for (const segment of path.split('/').filter((segment) => /[{}]/.test(segment))) {
        const whole = /^\{([^{}]*)\}$/.exec(segment);
        const report = (message) => ctx.report({ message, location: ctx.location.key() });
        if (!whole) report(`\`${segment}\` is a parameter and more: a parameter is a whole path segment, so that the router can tell it.`);
        else if (!/^[A-Za-z][A-Za-z0-9]*$/.test(whole[1])) report(`The router takes no parameter \`${whole[1]}\`: name it with letters and digits only.`);
        else if (seen.has(whole[1])) report(`The parameter \`${whole[1]}\` stands in the path twice: give each its own name.`);
        else seen.add(whole[1]);
      }
    },
    Operation(operation, ctx) {
      if (operation.servers) at(ctx, 'All operations have the same addresses: move `servers` to the top.', 'servers');
      if (operation.operationId && !/^[a-z][A-Za-z0-9]*$/.test(operation.operationId)) {
        at(ctx, 'Methods, cases and metrics are named after it: write `operationId` with letters and digits only, a small one first.', 'operationId');
      }
      for (const status of Object.keys(operation.responses ?? {})) {
        if (isCallback(ctx) || status.startsWith('x-')) continue;
        if (/^1\d\d$/.test(status)) {
          at(ctx, `${status} is not what a call ends with: name a success or an error.`, ['responses', status]);
        } else if (!/^([2-5]\d\d|2XX|default)$/.test(status)) {
          at(ctx, `The server sends single statuses: name each instead of ${status}. \`2XX\` and \`default\` are there for callers alone.`, ['responses', status]);
        }
      }
      if (!isCallback(ctx)) oneScheme(operation.security, ctx);
      if (!isCallback(ctx) && operation.requestBody && ['get', 'delete'].includes(ctx.key)) {
        at(ctx, `What a ${ctx.key.toUpperCase()} carries gets lost on the way: leave \`requestBody\` out, or let it be a POST or PUT.`, 'requestBody');
      }
      const most = operation['x-max-body'];
      if (most !== undefined && !isBytes(most)) at(ctx, '`x-max-body` is a number of bytes: write a whole number from 1.', 'x-max-body');
      if (most !== undefined && !operation.requestBody) at(ctx, 'The operation has no body: leave `x-max-body` out.', 'x-max-body');
    },
    Parameter(parameter, ctx) {
      if (parameter.in === 'cookie') at(ctx, 'Callers keep no cookies: make it a header.', 'in');
      for (const key of ['style', 'explode', 'allowReserved', 'content'].filter((key) => parameter[key] !== undefined)) {
        at(ctx, `A parameter is written in one way: leave \`${key}\` out, and give it a \`schema\` of one plain value.`, key);
      }
      onePlainValue(parameter, ctx);
      if (parameter.in === 'header' && /^(accept|content-type|authorization)$/i.test(parameter.name)) {
        at(ctx, `OpenAPI passes over a parameter \`${parameter.name}\`: leave it out, bodies and security say it.`, 'name');
      }
    },
    Response(response, ctx) {
      for (const name of Object.keys(response.headers ?? {}).filter((name) => /^content-type$/i.test(name))) {
        at(ctx, `OpenAPI passes over a header \`${name}\`: leave it out, \`content\` says it.`, ['headers', name]);
      }
    },
    Header: onePlainValue,
    RequestBody(body, ctx) {
      if (body.required !== true) at(ctx, 'The server takes a body or none, not both: set `required: true`, and let the fields be optional.', body.required === undefined ? undefined : 'required');
    },
    SecurityScheme(scheme, ctx) {
      if (scheme.type !== 'apiKey' || scheme.in !== 'header') at(ctx, 'The server reads keys from a header: let the scheme have `type: apiKey` and `in: header`.', scheme.type === 'apiKey' ? 'in' : 'type');
    },
    MediaTypesMap(content, ctx) {
      for (const name of Object.keys(content).filter((name) => name !== 'application/json')) {
        at(ctx, `\`${name}\` can't be served: a body has one media type, \`application/json\`.`, name);
      }
    },
    Schema(schema, ctx) {
      const most = schema['x-max-bytes'];
      if (most !== undefined && !isBytes(most)) at(ctx, '`x-max-bytes` is a number of bytes: write a whole number from 1.', 'x-max-bytes');
      if (most !== undefined && ctx.location.pointer !== '#/components/schemas/Image') {
        at(ctx, 'Only photos have `x-max-bytes`: make it a photo, `$ref: \'#/components/schemas/Image\'`, or limit it with `maxLength`.', 'x-max-bytes');
      }
      if (![undefined, true, 'text'].includes(schema['x-personal'])) {
        at(ctx, '`x-personal` is `true` or `text`: write one of them, or leave it out where nothing is personal data.', 'x-personal');
      }
      if (/\(\?<?[=!]|\\[1-9]|\\k</.test(schema.pattern) || [...(schema.pattern ?? '').matchAll(/(\d+)\}/g)].some(([, times]) => times > 1000)) {
        at(ctx, 'The server reads patterns with Go\'s regexp: write `pattern` without looking ahead or behind, without references back, and with at most 1000 repeats.', 'pattern');
      }
      for (const key of ['oneOf', 'anyOf', 'not', 'discriminator'].filter((key) => schema[key] !== undefined)) {
        at(ctx, `A value has one schema: leave \`${key}\` out, and let fields that not every value has be optional.`, key);
      }
      if (schema.allOf) at(ctx, 'The contract kit does not look into `allOf`: write a `$ref` alone, and let the description of what it leads to say it; or write the fields out.', 'allOf');
      if (['type', 'allOf', 'oneOf', 'anyOf', 'not'].every((key) => schema[key] === undefined)) {
        ctx.report({ message: 'A value of any type can\'t be checked: give the schema a `type`, or a `$ref`.', location: ctx.location.key() });
      }
      if (/^#\/components\/schemas\/[^/]+$/.test(ctx.location.pointer)) return;
      if (schema.enum) at(ctx, 'A vocabulary has a name in Go: move it below `components.schemas`, with the values under `x-extensible-enum`.', 'enum');
      const map = typeof schema.additionalProperties === 'object';
      if (!schema.properties && (schema.type !== 'object' || map)) return;
      at(ctx, 'An object in another one is neither opened nor closed: responses are open and what a call sends is closed by the name of the schema, so move this below `components.schemas`.',
        schema.additionalProperties === true ? 'additionalProperties' : 'type');
    },
  };
}
