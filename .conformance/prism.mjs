// Prism between our command and the specification, and between our command and our service.
//
//   node prism.mjs PRISM OPENAPI.YAML COMMAND SERVICE-URL
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { parse } from 'yaml';

const [prism, specification, command, service] = process.argv.slice(2);
const seed = ['4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG', '2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh'];
const sample = (name) => [`sample-client-${name}`, `sample-request-${name}`];

// The command's documented exit codes.
const IN_KYC = 0, MISSING = 3, REFUSED = 4, UNKNOWN = 5;

// What the command has to make of each documented example.
const documented = {
  '200 in_kyc': IN_KYC,
  '200 pending_documentation': MISSING,
  400: REFUSED,
  '401 invalid_key': REFUSED,
  '401 not_allowed': REFUSED,
  '404 client': REFUSED,
  '404 request': REFUSED,
  '409 not_pending': REFUSED,
  '409 in_progress': UNKNOWN,
  413: REFUSED,
  422: REFUSED,
  429: REFUSED,
  500: UNKNOWN,
  503: UNKNOWN,
};

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
function submit(url, [client, request], { key = 'sample-key-level-3', flags = [] } = {}) {
  const env = { ...process.env, CRYPTOMATE_BASE_URL: url, CRYPTOMATE_API_KEY: key };
  return new Promise((done) => {
    execFile(command, ['submit', '--retries=0', ...flags, client, request], { env, timeout: 30_000 },
      (error, stdout, stderr) => done({ code: error ? (error.code ?? -1) : 0, output: stdout + stderr }));
  });
}

function examples(document) {
  const resolve = (node) => (node.$ref ? node.$ref.slice(2).split('/').reduce((at, key) => at[key], document) : node);
  const all = [];
  for (const item of Object.values(document.paths)) {
    for (const [status, ref] of Object.entries(item.post.responses)) {
      if (!/^[0-9]{3}$/.test(status)) continue; // no status to ask for
      const names = Object.keys(resolve(ref).content['application/json'].examples ?? {});
      if (names.length === 0) all.push({ name: status, prefer: `code=${status}` });
      for (const name of names) all.push({ name: `${status} ${name}`, prefer: `code=${status}, example=${name}` });
    }
  }
  return all;
}

async function mock() {
  let prefer = '';
  let reply;
  const url = await relay(await start('mock', specification), { prefer: () => prefer, seen: (it) => { reply = it; } });
  const plain = await submit(url, seed);
  check('mock, nothing asked for', plain.code, IN_KYC, plain.output);
  const all = examples(parse(readFileSync(specification, 'utf8')));
  for (const example of all) {
    prefer = example.prefer;
    if (!(example.name in documented)) {
      check(`mock, ${example.name}: an expected exit code in prism.mjs`, 'none', 'one');
      continue;
    }
    const got = await submit(url, seed);
    check(`mock, ${example.name}: HTTP status`, String(reply.status), example.name.slice(0, 3), reply.body);
    check(`mock, ${example.name}: exit code`, got.code, documented[example.name], got.output);
  }
  return all.length + 1;
}

async function proxy() {
  let reply;
  const url = await relay(await start('proxy', specification, service), { seen: (it) => { reply = it; } });
  const calls = [
    ['the seed', seed, {}, 200, IN_KYC],
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
  ];
  for (const [what, ids, options, status, code] of calls) {
    reply = {};
    const got = await submit(url, ids, options);
    check(`proxy, ${what}: violations`, reply.violations, undefined, reply.body);
    check(`proxy, ${what}: HTTP status`, reply.status, status, reply.body);
    check(`proxy, ${what}: exit code`, got.code, code, got.output);
  }
  return calls.length;
}

// A proxy that lets everything pass would be green too.
async function bites() {
  const spoiled = await relay(service, { spoil: (body) => body.replace('"status"', '"state"') });
  let reply = {};
  const url = await relay(await start('proxy', specification, spoiled), { seen: (it) => { reply = it; } });
  const got = await submit(url, sample('incomplete'));
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
