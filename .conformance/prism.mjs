// Prism between our command and the specification, and between our command and our service.
//
//   node prism.mjs PRISM OPENAPI.YAML COMMAND SERVICE-URL
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

const [prism, specification, command, service] = process.argv.slice(2);
const seed = ['4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG', '2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh'];
const sample = (name) => [`sample-client-${name}`, `sample-request-${name}`];

// The command's documented exit codes.
const DONE = 0, MISSING = 3, REFUSED = 4, UNKNOWN = 5;

// How the command makes a call of each operation. input is a client or what was made of one.
const json = (file) => JSON.stringify(file);
const commands = {
  createClient: (_, input = person) => [['clients', 'create', '-'], json(input)],
  listClients: () => [['clients', 'list']],
  getClient: ([client]) => [['clients', 'get', client]],
  updateClient: ([client], input = person) => [['clients', 'update', client, '-'], json(input)],
  deleteClient: ([client]) => [['clients', 'delete', client]],
  requestProduct: ([client], product = 'cards_individuals') => [['products', 'request', client, product]],
  listProducts: ([client]) => [['products', 'list', client]],
  completeDocumentation: ([client, request], kind = 'passport') => [
    ['documents', 'add', client, request, '--type', kind, '--front', photo, '--meta-file=-'], json(values),
  ],
  submitProduct: ([client, request]) => [['submit', client, request]],
};
// A photo of one pixel, as the examples of the specification have it.
const photo = join(mkdtempSync(join(tmpdir(), 'prism-')), 'photo.png');
writeFileSync(photo, Buffer.from(/data:image\/png;base64,(\S+)/.exec(readFileSync(specification, 'utf8'))[1], 'base64'));
const values = { number: 'AAA000111', issuing_country: 'ARG', expiration_date: '2036-04-15' };
const person = {
  first_name: 'Ana', last_name: 'Example', email: 'ana@example.com', birth_date: '1984-11-21',
  address: { street_line1: 'Calle 1', city: 'Del Viso', postal_code: '1669', state: 'ARG-B', country: 'ARG' },
};

// What the command has to make of a documented example.
function documented(operation, name) {
  if (operation === 'submitProduct' && name === '200 pending_documentation') return MISSING;
  if (operation === 'completeDocumentation' && name === '200 kept') return MISSING;
  if (name.startsWith('2')) return DONE;
  return name.startsWith('5') || name === '409 in_progress' ? UNKNOWN : REFUSED;
}

const children = [];
const servers = [];
let failures = 0;
function check(what, got, want, detail = '') {
  if (got === want) return;
  failures++;
  console.error(`prism: ${what}: got ${got}, want ${want}\n${detail}`);
}

async function freePort() {
  const server = net.createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

// Starts Prism, and returns its address once it listens.
async function start(...args) {
  const port = await freePort();
  const child = spawn(process.execPath, [prism, ...args, '--host', '127.0.0.1', '--port', String(port), '--errors'], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  child.stdout.on('data', (text) => { output += text; });
  child.stderr.on('data', (text) => { output += text; });
  for (let i = 0; !output.includes('Prism is listening'); i++) {
    if (i > 600 || child.exitCode !== null) throw new Error(`Prism did not start:\n${output}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  return `http://127.0.0.1:${port}`;
}

// Passes calls on. With prefer they ask Prism for an example; with spoil the body is changed.
async function relay(target, { prefer, spoil, seen } = {}) {
  const server = http.createServer((request, reply) => {
    const headers = { ...request.headers, ...(prefer?.() ? { prefer: prefer() } : {}) };
    const call = http.request(target + request.url, { method: request.method, headers }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => {
        let body = Buffer.concat(parts);
        seen?.({ status: answer.statusCode, violations: answer.headers['sl-violations'], body: body.toString() });
        if (spoil) body = Buffer.from(spoil(body.toString()));
        reply.writeHead(answer.statusCode, { ...answer.headers, 'content-length': body.length });
        reply.end(body);
      });
    });
    call.on('error', (error) => reply.destroy(error));
    request.pipe(call);
  });
  servers.push(server);
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${server.address().port}`;
}

// Runs our command once, without repeating what failed.
function run(url, operation, ids, { key = 'sample-key-level-3', flags = [], input } = {}) {
  const env = { ...process.env, CRYPTOMATE_BASE_URL: url, CRYPTOMATE_API_KEY: key };
  const [args, stdin = ''] = commands[operation](ids, input);
  return new Promise((done) => {
    const child = execFile(command, [...args, '--retries=0', ...flags], { env, timeout: 30_000 },
      (error, stdout, stderr) => done({ code: error ? (error.code ?? -1) : 0, output: stdout + stderr }));
    child.stdin.end(stdin);
  });
}

function examples(document) {
  const resolve = (node) => (node.$ref ? node.$ref.slice(2).split('/').reduce((at, key) => at[key], document) : node);
  const all = [];
  for (const operation of Object.values(document.paths).flatMap((item) => Object.values(item))) {
    for (const [status, ref] of Object.entries(operation.responses)) {
      if (!/^[0-9]{3}$/.test(status)) continue; // no status to ask for
      const names = Object.keys(resolve(ref).content?.['application/json'].examples ?? {});
      const of = { operation: operation.operationId, status };
      if (names.length === 0) all.push({ ...of, name: status, prefer: `code=${status}` });
      for (const name of names) all.push({ ...of, name: `${status} ${name}`, prefer: `code=${status}, example=${name}` });
    }
  }
  return all;
}

async function mock() {
  let prefer = '';
  let reply;
  const url = await relay(await start('mock', specification), { prefer: () => prefer, seen: (it) => { reply = it; } });
  const plain = await run(url, 'submitProduct', seed);
  check('mock, nothing asked for', plain.code, DONE, plain.output);
  const all = examples(parse(readFileSync(specification, 'utf8')));
  for (const { operation, status, name, prefer: wanted } of all) {
    prefer = wanted;
    const got = await run(url, operation, seed);
    check(`mock, ${operation} ${name}: HTTP status`, String(reply.status), status, reply.body);
    check(`mock, ${operation} ${name}: exit code`, got.code, documented(operation, name), got.output);
  }
  return all.length + 1;
}

async function proxy() {
  let reply;
  const url = await relay(await start('proxy', specification, service), { seen: (it) => { reply = it; } });
  const calls = [
    ['the seed', seed, {}, 200, DONE],
    ['the seed again', seed, {}, 409, REFUSED],
    ['incomplete', sample('incomplete'), {}, 200, MISSING],
    ['rejected items', sample('rejected-items'), {}, 200, MISSING],
    ['enabled', sample('enabled'), {}, 409, REFUSED],
    ['rejected', sample('rejected'), {}, 409, REFUSED],
    ['unknown client', ['nobody', seed[1]], {}, 404, REFUSED],
    ['unknown request', [seed[0], 'nothing'], {}, 404, REFUSED],
    ['another company', seed, { key: 'sample-key-other-company' }, 404, REFUSED],
    ['unknown key', seed, { key: 'wrong' }, 401, REFUSED],
    ['level too low', seed, { key: 'sample-key-level-1' }, 401, REFUSED],
    ['a key', sample('incomplete'), { flags: ['--idempotency-key=prism-1'] }, 200, MISSING],
    ['the key again', sample('incomplete'), { flags: ['--idempotency-key=prism-1'] }, 200, MISSING],
    ['the key for another', sample('rejected-items'), { flags: ['--idempotency-key=prism-1'] }, 422, REFUSED],
  ].map(([what, ...call]) => [what, 'submitProduct', ...call]);
  const id = /"id":"([^"]+)"/;
  const journey = [
    ['create', 'createClient', {}, 201, DONE],
    ['create again', 'createClient', {}, 400, REFUSED],
    ['create, a blank name', 'createClient', { input: { ...person, first_name: ' ' } }, 400, REFUSED],
    ['create, a state of another country', 'createClient', { input: { ...person, address: { ...person.address, state: 'BRA-SP' } } }, 412, REFUSED],
    ['list', 'listClients', {}, 200, DONE],
    ['get', 'getClient', {}, 200, DONE],
    ['update', 'updateClient', { input: { ...person, phone_country_code: 54, phone_number: 91123456789 } }, 200, DONE],
    ['request', 'requestProduct', {}, 201, DONE],
    ['request again', 'requestProduct', {}, 409, REFUSED],
    ['request, no product', 'requestProduct', { input: 'nothing' }, 412, REFUSED],
    ['products', 'listProducts', {}, 200, DONE],
    ['submit', 'submitProduct', {}, 200, MISSING],
    ['a document of no kind', 'completeDocumentation', { input: 'selfie' }, 412, REFUSED],
    ['a document', 'completeDocumentation', {}, 200, DONE],
    ['the document again', 'completeDocumentation', {}, 200, MISSING],
    ['submit again', 'submitProduct', {}, 200, DONE],
    ['a document too late', 'completeDocumentation', {}, 409, REFUSED],
    ['delete', 'deleteClient', {}, 204, DONE],
    ['get what was deleted', 'getClient', {}, 404, REFUSED],
  ];
  const one = async (what, operation, ids, options, status, code) => {
    reply = {};
    const got = await run(url, operation, ids, options);
    check(`proxy, ${what}: violations`, reply.violations, undefined, reply.body);
    check(`proxy, ${what}: HTTP status`, reply.status, status, reply.body);
    check(`proxy, ${what}: exit code`, got.code, code, got.output);
  };
  for (const call of calls) await one(...call);
  const made = []; // the client and its request
  for (const [what, operation, ...rest] of journey) {
    await one(what, operation, made, ...rest);
    if (reply.status === 201) made.push(id.exec(reply.body)[1]);
  }
  return calls.length + journey.length;
}

// A proxy that lets everything pass would be green too.
async function bites() {
  const spoiled = await relay(service, { spoil: (body) => body.replace('"status"', '"state"') });
  let reply = {};
  const url = await relay(await start('proxy', specification, spoiled), { seen: (it) => { reply = it; } });
  const got = await run(url, 'submitProduct', sample('incomplete'));
  check('proxy, a reply without status: refused by Prism', reply.status, 500, reply.body);
  check('proxy, a reply without status: exit code', got.code, UNKNOWN, got.output);
}

try {
  const mocked = await mock();
  const proxied = await proxy();
  await bites();
  if (failures) console.log(`${failures} expectations not met`);
  else console.log(`${mocked} replies mocked, ${proxied} calls through the proxy, 1 spoiled reply refused`);
} catch (error) {
  console.error(error);
  failures++;
} finally {
  for (const child of children) child.kill();
  for (const server of servers) { server.closeAllConnections(); server.close(); }
}
process.exitCode = failures ? 1 : 0;
