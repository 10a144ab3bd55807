/**
 * Says which rule recognises a text as a credential, and nothing else about it: no value, length or hash leaves this module. Every
 * pattern is linear (no nested or unbounded repetition before a required part) and sees at most {@link examined} characters, so hostile
 * text cannot stall a collection. Why these rules are our own: docs/decisions/0002-credential-rules.md.
 */

/** The rule that goes by the name of a variable, flag or header rather than by the value. */
export const nameRule = 'name-suggests-credential';

/** Characters of a value that the patterns look at; what is longer is a document, and its marker stays without a rule beyond this. */
const examined = 32_768;

// [rule, text that must occur (lower case) for the pattern to be tried, pattern]
const contentRules: readonly (readonly [rule: string, hint: string, pattern: RegExp])[] = [
  ['private-key', 'private key', /-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/],
  ['aws-access-key-id', 'a', /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/],
  ['github-token', 'g', /\b(?:gh[opsru]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50})/],
  ['gitlab-token', 'gl', /\bgl(?:agent|cbt|dt|ft|imt|oas|pat|ptt|rt|soat)-[A-Za-z0-9_-]{20}/],
  ['slack-token', 'xox', /\bxox[abeoprs]-[A-Za-z0-9-]{10}/],
  ['slack-webhook', 'hooks.slack.com', /hooks\.slack\.com\/(?:services|workflows)\/[A-Za-z0-9]{5}/],
  ['stripe-key', 'k_', /\b[rs]k_(?:live|test)_[A-Za-z0-9]{16}/],
  ['google-api-key', 'aiza', /\bAIza[A-Za-z0-9_-]{35}/],
  ['npm-token', 'npm_', /\bnpm_[A-Za-z0-9]{36}/],
  ['pypi-token', 'pypi-', /\bpypi-[A-Za-z0-9_-]{50}/],
  ['sendgrid-key', 'sg.', /\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32}/],
  ['openai-key', 'sk-', /\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{32}/],
  ['vault-token', 'hv', /\bhv[bsr]\.[A-Za-z0-9_-]{24}/],
  ['azure-storage-key', 'accountkey=', /\bAccountKey=[A-Za-z0-9+/]{80}/],
  ['jwt', 'eyj', /\beyJ[A-Za-z0-9_-]{8,2048}\.eyJ[A-Za-z0-9_-]{8,2048}\.[A-Za-z0-9_-]{8}/],
  ['authorization-header', ' ', /\b(?:[Bb]earer|[Bb]asic) {1,3}[A-Za-z0-9+/._~-]{12}/],
  // A reference such as $(PASSWORD) is no credential, hence the first character after the colon.
  ['url-with-password', '://', /[A-Za-z][A-Za-z0-9+.-]{1,20}:\/\/[^\s:@/]{0,128}:[^\s:@/${<][^\s@/]{0,256}@/],
  ['assigned-password', '=', /(?:password|passwd|pwd|passphrase)["']? ?= ?["']?[^\s"'`$({<;&|=/][^\s"'`;&|]{3}/i],
  ['assigned-token', '=', /(?:secret|token|api[_-]?key|access[_-]?key)["']? ?= ?["']?[^\s"'`$({<;&|=/.][^\s"'`;&|/.]{11}/i],
  // YAML and JSON, as in a ConfigMap: a key at the start of its line or member, and one word as the whole value.
  [
    'written-password',
    'passw',
    /(?:^|[\n{,])[ \t-]{0,40}["']?[\w.-]{0,64}(?:password|passwd)["']? ?: {0,8}["']?(?!(?:true|false|null|none|string|required|optional)\b)[^\s"'`$({<[!&*|>%\\][^\s"'`,]{3,256}["']?[ \t\r]{0,8}(?:$|[\n},])/i,
  ],
  // A name of a Secret is in lower case, so a token is told by its capitals and digits.
  [
    'written-token',
    ':',
    /(?:^|[\n{,])[ \t-]{0,40}["']?[\w.-]{0,64}(?:[Ss]ecret|SECRET|[Tt]oken|TOKEN|[Aa](?:pi|ccess)[_-]?[Kk]ey|A(?:PI|CCESS)_?KEY)["']? ?: {0,8}["']?(?![./])(?=[^\s"']{0,128}[A-Z])(?=[^\s"']{0,128}\d)[A-Za-z0-9+/_=.-]{16,512}["']?[ \t\r]{0,8}(?:$|[\n},])/,
  ],
];

/** All ids that a marker may name. */
export const credentialRules: ReadonlySet<string> = new Set([nameRule, ...contentRules.map(([rule]) => rule)]);

/** The first content rule that recognises a credential anywhere in this text. */
export function contentRule(text: string): string | undefined {
  if (text.length < 8) return undefined;
  const part = text.length > examined ? text.slice(0, examined) : text;
  let lower: string | undefined;
  for (const [rule, hint, pattern] of contentRules) {
    lower ??= part.toLowerCase();
    if (lower.includes(hint) && pattern.test(part)) return rule;
  }
  return undefined;
}

/** What somebody else says (a server, a plugin), as it may be told and stored: not at all where it holds a credential. */
export function withoutCredential(text: string): string {
  const rule = contentRule(text);
  return rule === undefined ? text : `(not shown, because it holds a credential: ${rule})`;
}

// Redis calls its passwords requirepass, masterauth and masterpass.
const passwordName = /passw(?:or)?d|passphrase|passcode|requirepass|master(?:auth|pass)|(?:^|[_.-])(?:pwd|pass)(?:$|[_.-]?\d*$)/i;
const credentialName =
  /secret|token|credential|(?:api|access|private|auth|encryption|signing|master)[_.-]?key|^(?:proxy-)?authorization$|^x-auth/i;
// What only says where a credential is, which one, how long it lasts, or what it is called.
const aboutCredential =
  /(?:file|path|dir|directory|mount|name|names|ref|url|uri|endpoint|host|port|id|enabled?|disabled?|ttl|expir(?:y|es|ation)|duration|lifetime|interval|timeout|seconds|length|size|count|limit|type|mode|issuer|audience|policy|rotation|header|format|version|algorithm|provider|namespace|tokens|store|backend|class|selectors?)$/i;

/** True for names of variables, flags and headers that by custom carry a credential: `DB_PASSWORD`, `api-key`, `clientSecret`. */
export function suggestsCredential(name: string): boolean {
  if (name.length > 256 || aboutCredential.test(name)) return false;
  return passwordName.test(name) || credentialName.test(name);
}

const notCredential =
  /^(?:|true|false|yes|no|on|off|none|null|nil|undefined|\*+|x{3,}|\.{0,2}(?:\/[\w.@%+-]+)+\/?|~\/\S{0,512}|[A-Za-z]:\\\S{0,512}|\$\([\w.-]+\)|\$\{[^}]{0,256}\}|\$\w+|<[^<>]{0,256}>|\{\{[^{}]{0,256}\}\}|[a-z][a-z0-9+.-]{1,20}:\/\/[^\s@]{0,2048})$/i;
const quantity = /^[-+]?\d+(?:\.\d+)?(?:ms|us|ns|s|m|h|d|[kKMGT]i?B?)?$/;

/**
 * Everything that decides what a marker says. It is part of the keep digest, so that a pattern that changed shows as a change of
 * definition, and no object is reused that was scrubbed by the one before.
 */
export const credentialPatterns: readonly string[] = [
  ...contentRules.map(([rule, hint, pattern]) => `${rule} ${hint} ${pattern}`),
  ...[passwordName, credentialName, aboutCredential, notCredential, quantity].map(String),
];

/**
 * The rule that makes this value, held under this name, a literal credential. Paths, references, switches and URLs without a password
 * are none; numbers only where the name says password.
 */
export function credentialRule(value: string, name?: string): string | undefined {
  const found = contentRule(value);
  if (found !== undefined || name === undefined || !suggestsCredential(name)) return found;
  const short = value.length > 4096 ? '' : value.trim();
  if (value.length <= 4096 && notCredential.test(short)) return undefined;
  return quantity.test(short) && !passwordName.test(name) ? undefined : nameRule;
}
