// Holds IBM's validator to what known.md says of it: a rule that is not named there may find nothing, and
// one that is named and finds nothing any more is to be taken out.
//
//   node ibm.mjs VALIDATOR OPENAPI.YAML
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [validator, specification] = process.argv.slice(2);
const known = readFileSync(new URL('known.md', import.meta.url), 'utf8').match(/\bibm-[a-z-]+/g);

const ran = spawnSync(process.execPath, [validator, '--ruleset', 'default', '--json', specification], { encoding: 'utf8', maxBuffer: 1 << 26 });
if (ran.status === null || !ran.stdout.includes('{')) throw new Error(`the validator failed: ${ran.error ?? ran.stderr}`);
const report = JSON.parse(ran.stdout.slice(ran.stdout.indexOf('{')));
const found = Object.values(report).flatMap((severity) => severity.results ?? []);
const unknown = found.filter(({ rule }) => !known.includes(rule));
for (const { line, rule, message } of unknown) console.error(`${specification}:${line}: ${message} (${rule})`);
const stale = known.filter((rule) => !found.some((result) => result.rule === rule));
for (const rule of stale) console.error(`known.md names ${rule}, which finds nothing any more: take it out`);
console.log(`${found.length} findings of ${new Set(known).size} rules that known.md tells about, ${unknown.length} others`);
process.exitCode = unknown.length + stale.length > 0 ? 1 : 0;
