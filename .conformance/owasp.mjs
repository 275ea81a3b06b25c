// Lints a specification with spectral.yaml. What OWASP's rules find is let pass where it is listed here, with
// the reason; an entry that lets nothing pass any more is to be taken out.
//
//   node owasp.mjs SPECTRAL RULESET OPENAPI.YAML
import { spawnSync } from 'node:child_process';

const responses = /^components\.(schemas\.(?!\w+Input\b)|(headers|responses)\.)/; // what calls send ends with Input
const notification = /\.callbacks\./;
const exceptions = [
  ['api9:2023-inventory-access', /^servers\./, 'Both servers are public, there is no internal one.'],
  ['api8:2023-define-cors-origin', /^components\./, 'Keys are secrets of servers: no page calls the API from a browser, and nothing allows it to.'],
  ['api8:2023-define-error-(responses-401|responses-500|validation)', notification, 'The provider responds as it likes. Only the status counts.'],
  ['api4:2023-rate-limit', /^components\.responses\./, 'The API documents no headers that say what is left. A 429 says when to come again.'],
  ['api4:2023-(rate-limit|rate-limit-responses-429)', notification, 'The provider sets no limit that is described. A `Retry-After` is obeyed.'],
  ['api4:2023-(string-limit|string-restricted|integer-limit-legacy|array-limit)', responses, 'In a response a limit would turn away the longer text or list of a later version.'],
  ['api4:2023-string-limit', /^components\.(parameters\.Webhook(Id|Timestamp)|schemas\.(ClientInput\.properties\.birth_date|AddressInput\.properties\.country))\b/, 'The pattern sets the limit.'],
  ['api4:2023-string-restricted', /^components\.parameters\.WebhookSignature\./, 'The form is that of Standard Webhooks, which may grow. The length is limited.'],
  ['api3:2023-no-additionalProperties', responses, 'Responses are open to new fields. What a call sends is closed, except for the map DocumentMetadata, whose values are limited.'],
].map(([rule, where, reason]) => ({ rule: new RegExp(`^owasp:${rule}$`), where, reason, used: 0 }));

const [spectral, ruleset, specification] = process.argv.slice(2);
const ran = spawnSync(process.execPath, [spectral, 'lint', '--ruleset', ruleset, '--format', 'json', '--quiet', specification], { encoding: 'utf8', maxBuffer: 1 << 26 });
if (ran.status === null || ran.status > 1) throw new Error(`Spectral failed: ${ran.error ?? ran.stderr}`);
let [passed, failed] = [0, 0];
for (const { code, path, message, range } of JSON.parse(ran.stdout)) {
  const exception = exceptions.find(({ rule, where }) => rule.test(code) && where.test(path.join('.')));
  if (exception) {
    exception.used++;
    passed++;
    continue;
  }
  failed++;
  console.error(`  ${range.start.line + 1}:1  error  ${code}  ${message}`);
}
for (const { rule, where } of exceptions.filter(({ used }) => used === 0)) {
  failed++;
  console.error(`.conformance/owasp.mjs lets ${rule} pass at ${where}, which finds nothing any more: take it out`);
}
console.log(`${passed} findings let pass, each for a reason in .conformance/owasp.mjs, ${failed} others`);
process.exitCode = failed > 0 ? 1 : 0;
