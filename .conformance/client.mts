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
console.log(`${checks} checks`);
