// A client that another generator made from openapi.yaml, against the sample service. That it
// compiles shows what the types promise; that it runs shows that the service keeps it.
import createClient from 'openapi-fetch';
import type { components, paths } from './openapi.gen.js';

declare const process: { argv: string[]; exitCode: number };

type Schemas = components['schemas'];
const submit = '/management/clients/individuals/{clientId}/products/{productRequestId}/submit';
const seed = { clientId: '4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG', productRequestId: '2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh' };
const sample = (name: string) => ({ clientId: `sample-client-${name}`, productRequestId: `sample-request-${name}` });

let checks = 0;
function equal<T>(what: string, got: T, want: T): void {
  checks++;
  if (JSON.stringify(got) !== JSON.stringify(want)) {
    throw new Error(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }
}
function present<T>(what: string, value: T | undefined): T {
  checks++;
  if (value === undefined) throw new Error(`${what}: there is none`);
  return value;
}

const baseUrl = process.argv[2];
if (baseUrl === undefined) throw new Error('usage: client BASE-URL');
const client = (key: string) => createClient<paths>({ baseUrl, headers: { 'x-api-key': key } });
const api = client('sample-key-level-3');

// The types refuse what the specification doesn't have.
// @ts-expect-error: there is no such path
void (() => api.POST('/management/clients'));
// @ts-expect-error: a request needs both ids
void (() => api.POST(submit, { params: { path: { clientId: 'a' } } }));
// The types take what may appear.
const newStatus: Schemas['ProductStatus'] = 'lost';
const newField: Schemas['RejectedItem'] = { type: 'data', key: 'phone', reason: 'unknown', severity: 'high' };
void [newStatus, newField];

{
  const { data, error, response } = await api.POST(submit, { params: { path: seed } });
  equal('the seed: error', error, undefined);
  const submission: Schemas['EvaluatedProduct'] = present('the seed: data', data);
  equal('the seed: HTTP status', response.status, 200);
  equal('the seed: status', submission.product.status, 'in_kyc');
  equal('the seed: ids', [submission.product.client_id, submission.product.id], [seed.clientId, seed.productRequestId]);
  equal('the seed: missing', submission.product.missing_requirements, { documents: [], data: [] });
  equal('the seed: rejected', submission.rejected_items, []);
  present('the seed: trace id', response.headers.get('x-trace-id') ?? undefined);
}
{
  const { data, error, response } = await api.POST(submit, { params: { path: seed } });
  equal('a repeat: data', data, undefined);
  const failed: Schemas['Error'] = present('a repeat: error', error);
  equal('a repeat: HTTP status', response.status, 409);
  equal('a repeat: code', failed.code, 'VAL');
  equal('a repeat: trace id', failed.trace_id, response.headers.get('x-trace-id'));
}
{
  const { data } = await api.POST(submit, { params: { path: sample('incomplete') } });
  const product = present('incomplete: data', data).product;
  equal('incomplete: status', product.status, 'pending_documentation');
  const document = present('incomplete: document', product.missing_requirements.documents[0]);
  present('incomplete: what will do', document.valid_documents[0]);
  const fields = product.missing_requirements.data.flatMap((group) => group.fields.map((field) => field.key));
  equal('incomplete: fields', fields, ['phone']);
}
{
  const { data } = await api.POST(submit, { params: { path: sample('rejected-items') } });
  const types = present('rejected items: data', data).rejected_items.map((item) => item.type);
  equal('rejected items: types', [...types].sort(), ['data', 'document']);
}
{
  const params = { path: sample('incomplete'), header: { 'Idempotency-Key': 'conformance-1' } };
  const first = await api.POST(submit, { params });
  const second = await api.POST(submit, { params });
  equal('the same key: data', second.data, present('the same key: data', first.data));
  const other = await api.POST(submit, { params: { ...params, path: sample('rejected-items') } });
  equal('the same key, another request', [other.response.status, other.error?.code], [422, 'IDEMPOTENCY_MISMATCH']);
}
for (const [what, path, key, status, code] of [
  ['unknown client', { ...seed, clientId: 'nobody' }, 'sample-key-level-3', 404, 'NOT_FOUND'],
  ['another company', seed, 'sample-key-other-company', 404, 'NOT_FOUND'],
  ['unknown key', seed, 'wrong', 401, 'AUTH'],
  ['level too low', seed, 'sample-key-level-1', 401, 'API_ERROR'],
  ['bad id', { ...seed, clientId: 'a b' }, 'sample-key-level-3', 400, 'BAD_REQUEST'],
] as const) {
  const { error, response } = await client(key).POST(submit, { params: { path } });
  equal(what, [response.status, error?.code], [status, code]);
}
{
  const clients = '/management/clients/individuals';
  const one = `${clients}/{clientId}` as const;
  const products = `${one}/products` as const;
  const documentation = `${products}/{productRequestId}/documentation` as const;
  const passport: Schemas['DocumentInput'] = {
    document_type: 'passport',
    image_front: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==',
    metadata: { number: 'AAA000111', issuing_country: 'ARG', expiration_date: '2036-04-15' },
    replace: false,
  };
  const address = { street_line1: 'Calle 1', city: 'Del Viso', postal_code: '1669', state: 'ARG-B', country: 'ARG' };
  const input: Schemas['ClientInput'] = { first_name: 'Ana', last_name: 'Example', email: 'typescript@example.com', birth_date: '1984-11-21', address };
  // @ts-expect-error: a field is misspelt
  void ({ ...input, phone_nubmer: 1 } satisfies Schemas['ClientInput']);

  const created = await api.POST(clients, { body: input });
  equal('create: HTTP status', created.response.status, 201);
  const client = present('create: data', created.data);
  equal('create: status', client.status, 'pending');
  const params = { path: { clientId: client.id } };
  equal('get', (await api.GET(one, { params })).data, client);
  const listed = present('list: data', (await api.GET(clients)).data);
  equal('list: the newest', listed[0], client);
  const updated = await api.PUT(one, { params, body: { ...input, phone_country_code: 54, phone_number: 91123456789 } });
  equal('update: phone', [updated.data?.phone_country_code, updated.data?.phone_number], [54, 91123456789]);

  const requested = await api.POST(products, { params, body: { subproduct: 'cards_individuals' } });
  equal('request: HTTP status', requested.response.status, 201);
  const product = present('request: data', requested.data);
  equal('request: status', product.status, 'pending_documentation');
  equal('request: missing data', product.missing_requirements.data, []);
  equal('products', (await api.GET(products, { params })).data, [product]);
  for (const [what, subproduct, status] of [['the product again', 'cards_individuals', 409], ['no product', 'nothing', 412]] as const) {
    const { error, response } = await api.POST(products, { params, body: { subproduct } });
    equal(what, [response.status, error?.code], [status, 'VAL']);
  }

  const path = { clientId: client.id, productRequestId: product.id };
  const documented = await api.POST(documentation, { params: { path }, body: { document: passport } });
  equal('documentation: HTTP status', documented.response.status, 200);
  equal('documentation: missing', documented.data?.product.missing_requirements.documents, []);
  equal('documentation: rejected', documented.data?.rejected_items, []);
  const kept = await api.POST(documentation, { params: { path }, body: { document: passport } });
  equal('documentation again: rejected', kept.data?.rejected_items[0]?.key, 'passport');
  const selfie = await api.POST(documentation, { params: { path }, body: { document: { ...passport, document_type: 'selfie' } } });
  equal('no type of document', [selfie.response.status, selfie.error?.code], [412, 'VAL']);
  const submitted = await api.POST(submit, { params: { path } });
  equal('submit: status', submitted.data?.product.status, 'in_kyc');
  const late = await api.POST(documentation, { params: { path }, body: { document: passport } });
  equal('a document for a request in KYC', [late.response.status, late.error?.code], [409, 'VAL']);

  const again = await api.POST(clients, { body: input });
  equal('the e-mail address again', [again.response.status, again.error?.code], [400, 'VAL']);
  const noDay = await api.PUT(one, { params, body: { ...input, birth_date: '2001-02-30' } });
  equal('no day of the calendar', [noDay.response.status, noDay.error?.code], [400, 'BAD_REQUEST']);

  const deleted = await api.DELETE(one, { params });
  equal('delete', [deleted.response.status, deleted.data, deleted.error], [204, undefined, undefined]);
  const gone = await api.GET(one, { params });
  equal('get what was deleted', [gone.response.status, gone.error?.code], [404, 'NOT_FOUND']);
}
console.log(`${checks} checks`);
