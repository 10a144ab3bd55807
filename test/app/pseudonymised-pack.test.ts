/**
 * A canary for each place where a pack could name a person: a ledger with a name of its own in each, and not one of them in any byte of
 * the pack. What is shown instead is the same in the next pack, verifies, and is said to be what it is.
 */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import exceljs from 'exceljs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { approveDefinitions, createPackCommand, erase, loadConfig, type PackReport, placeHold } from '../../src/app/index.ts';
import { ensureKeys } from '../../src/app/keys/keys.ts';
import { recordDefinitions } from '../../src/app/collect/prepare-run.ts';
import { describeDefinitions } from '../../src/app/govern/definitions.ts';
import { openLedgerForWriting } from '../../src/app/open-ledger.ts';
import type { EvidenceObject, JsonObject, ListingKind } from '../../src/model/index.ts';
import { verifyPack, writeZip } from '../../src/packs/index.ts';
import { createPseudonyms } from '../../src/app/pack/pseudonyms.ts';
import { readPseudonymKey } from '../../src/app/keys/pseudonym-key.ts';
import { filesOf, placesOf, readable, wordsOf } from './pack-traces.ts';

/** By place; each has a word that nothing else has. */
const people = {
  subject: 'Zqsubject@clinic.example',
  hostile: 'zqhostile|"%\\x\u202e=cmd',
  long: `zqlong.${'x'.repeat(40)}@clinic.example`,
  other: 'oidc:zqother',
  certificate: 'zqcertificate',
  policy: 'zqpolicy',
  impersonated: 'zqimpersonated',
  annotation: 'zqannotation',
  actor: 'zqactor@clinic.example',
  requester: 'Zqrequester Müller',
  approver: 'zqapprover',
  definer: 'zqdefiner',
  definitionApprover: 'zqdefinitionapprover',
  holder: 'zqholder',
  erasureRequester: 'zqerasurerequester',
  erasureApprover: 'zqerasureapprover',
  parameter: 'zqparameter',
  oldParameter: 'zqoldparameter',
  inControl: 'zqincontrol',
  given: 'zqgiven',
  namespace: 'zqnamespace',
  owner: 'zqowner',
  actedAs: 'zqactedas',
  constrained: 'zqconstrained',
  onNode: 'zqonnode',
  unusual: 'zqunusual, O=x',
  inPolicy: 'zqinpolicy',
  labelled: 'zqlabelled',
  dotted: 'İpek.zqdotted@clinic.example',
  inKubeconfig: 'zqinkubeconfig',
} as const;
const erasedPerson = 'zqerased';
/** Users who are called like something that a pack says of itself. */
const awkward = [
  'admin',
  'default',
  'inside',
  'pass',
  'prod',
  'v1',
  '1234',
  'User',
  'k8s',
  'rolebindings',
  'consistent',
  'kube-system',
  'audit',
  '11111111',
  'Clinic',
];
const key = '5a'.repeat(32);

const directory = mkdtempSync(join(tmpdir(), 'pseudonymised-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let now = Date.parse('2026-08-14T12:00:00.000Z');
const context = {
  cwd: directory,
  env: { HOME: directory },
  clock: () => new Date((now += 1000)),
  uid: null,
  warn: () => {},
  progress: () => {},
};
const configure = () => loadConfig({ cwd: directory, uid: null });

function writeConfig(change: { readonly redact?: boolean; readonly allowed: string; readonly of?: string }): void {
  const redact = `redact: {pseudonyms: {keyFile: pseudonyms.key, names: [${people.given}]${change.of ?? ''}}}\n`;
  writeFileSync(
    join(directory, 'kubevidence.yaml'),
    `organization: Clinic\nframeworks: [gdpr, clinic-policy]\nmappings: [policies]\nclusters: [{name: prod, context: x}]\nkeepAnnotations: [clinic.example/owner]\ncontrols: [own]\n` +
      `params: {RBAC-020: {allowed: ["User/${change.allowed}"]}, CHG-001: {annotation: clinic.example/owner, pattern: "^CHG"}, NS-001: {keys: [clinic.example/owner]}}\n` +
      (change.redact === false ? '' : redact),
    { mode: 0o600 },
  );
}

const rbac = 'rbac.authorization.k8s.io';
function object(kind: string, name: string, more: JsonObject, metadata: JsonObject = {}): EvidenceObject {
  const apiVersion = `${rbac}/v1`;
  const uid = randomUUID();
  const namespace = typeof metadata['namespace'] === 'string' ? metadata['namespace'] : '';
  return { apiVersion, type: kind, namespace, name, uid, body: { apiVersion, kind, metadata: { name, uid, ...metadata }, ...more } };
}
const user = (name: string) => ({ kind: 'User', apiGroup: rbac, name });
const gives = (role: string, ...names: readonly string[]) => ({
  roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
  subjects: names.map(user),
});

const everything = { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] };
const impersonate = { rules: [{ apiGroups: [''], resources: ['users'], verbs: ['impersonate'], resourceNames: [people.impersonated] }] };
const asAnyone = {
  rules: [
    { apiGroups: ['*'], resources: ['*'], verbs: ['impersonate'], resourceNames: [people.actedAs] },
    { apiGroups: ['authentication.k8s.io'], resources: ['users'], verbs: ['impersonate:user-info'], resourceNames: [people.constrained] },
  ],
};
const inKubeconfig = (path: string, subject: string) => ({
  role: 'kubeconfig',
  path,
  certificate: {
    subject,
    issuer: 'CN=kubernetes',
    notBefore: '2026-01-01T00:00:00.000Z',
    notAfter: '2026-08-20T00:00:00.000Z',
    key: 'RSA 2048',
  },
});
const kinds: Readonly<Record<ListingKind, (run: number) => readonly EvidenceObject[]>> = {
  'k8s.rbac/clusterroles': () => [
    object('ClusterRole', 'cluster-admin', everything),
    object('ClusterRole', 'actor', impersonate),
    object('ClusterRole', 'anyone', asAnyone),
  ],
  'k8s.rbac/roles': () => [],
  'k8s.rbac/rolebindings': () => [
    object('RoleBinding', 'erased', gives('cluster-admin', erasedPerson), { namespace: 'shop' }),
    object('RoleBinding', `${people.namespace}-edit`, gives('cluster-admin', people.namespace), { namespace: people.namespace }),
    object('RoleBinding', 'edit', gives('cluster-admin', people.dotted), { namespace: 'labelled' }),
  ],
  'k8s.rbac/clusterrolebindings': (run) => [
    object('ClusterRoleBinding', 'friday', gives('cluster-admin', people.subject, people.hostile, people.dotted)),
    // Another subject first: the message is cut off in the second.
    ...(run < 2
      ? []
      : [
          object('ClusterRoleBinding', 'many', gives('actor', ...Array.from({ length: 5 }, (_, n) => `${people.long}${n}`)), {
            annotations: { 'clinic.example/owner': people.annotation },
          }),
        ]),
    object('ClusterRoleBinding', 'x', gives('actor', people.other, ...awkward)),
  ],
  'k8s.certificates/certificatesigningrequests': () => [
    object('CertificateSigningRequest', `${people.certificate}-laptop`, {
      spec: { username: people.certificate, groups: ['dev'], signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] },
      status: { certificate: { $scrubbed: true }, conditions: [{ type: 'Approved', status: 'True' }] },
    }),
  ],
  'k8s.namespaces/namespaces': () => [
    object('Namespace', people.namespace, {}, { annotations: { 'clinic.example/owner': people.owner } }),
    object('Namespace', 'labelled', {}, { labels: { 'clinic.example/owner': people.labelled } }),
  ],
  'node.evidence/nodes': () => [
    {
      ...object('NodeEvidence', 'cp-1', {
        collectedAt: new Date(now).toISOString(),
        kubeconfigs: [
          inKubeconfig('/etc/kubernetes/admin.conf', `O=system:masters, CN=${people.onNode}`),
          inKubeconfig('/etc/kubernetes/ops.conf', `O=dev, CN=${people.unusual.replace(',', '\\\\,')}`),
        ],
      }),
      apiVersion: 'node.kubevidence.io/v1',
    },
  ],
  'files.audit-policy/policies': () => [
    {
      ...object('Policy', 'policy.yaml', { apiVersion: 'audit.k8s.io/v1', rules: [{ level: 'None', users: [people.policy] }] }),
      apiVersion: 'audit.k8s.io/v1',
      place: { file: 'policy.yaml', line: 1 },
    },
  ],
};

const identity = {
  name: 'prod',
  uid: '11111111-2222-4333-8444-555555555555',
  version: '1.36.3',
  server: 'https://127.0.0.1:6443',
  caFingerprint: 'ab'.repeat(32),
  actor: people.actor,
};

let plain: PackReport;
let report: PackReport;
const options = { form: 'both', period: '2026-Q3' } as const;

beforeAll(async () => {
  mkdirSync(join(directory, 'own'));
  writeFileSync(join(directory, 'pseudonyms.key'), key, { mode: 0o600 });
  const shipped = readFileSync(join(import.meta.dirname, '..', '..', 'controls', 'access', 'RBAC-009.yaml'), 'utf8');
  const own = shipped
    .replace('id: RBAC-009', 'id: OWN-001')
    .replace(/^expect: '(.*)'$/m, `expect: '$1 || item.subject == "User/${people.inControl}"'`)
    .replace(/^why: .*$/m, `why: Asked for by ${people.inControl} and ${people.given}`);
  writeFileSync(join(directory, 'own', 'OWN-001.yaml'), own);
  mkdirSync(join(directory, 'policies'));
  writeFileSync(
    join(directory, 'policies', 'clinic-policy.yaml'),
    `id: clinic-policy\ntitle: Policy\nkind: policy\nversion: "1"\nsource: https://clinic.example\nnotice: Ours\nsections: [{id: a, title: Access}]\n` +
      `requirements: [{id: A-1, title: Reviewed, section: a, needs: The list that ${people.inPolicy} and ${people.given} keep, controls: [{id: RBAC-001, strength: partial, because: said by 'User/${people.inPolicy}'}]}]\n`,
  );
  writeConfig({ allowed: people.oldParameter });
  let config = configure();
  const fingerprint = await ensureKeys(context, config);
  const create = { organization: 'Clinic', tool: 'kubevidence', documentKeyFingerprint: fingerprint ?? '' };
  let ledger = await openLedgerForWriting(context, config, { create });
  const collect = async (number: number) => {
    const definitions = await recordDefinitions(ledger, describeDefinitions(config), { now: context.clock().toISOString() });
    ledger.planRun({ cluster: 'prod', uuid: randomUUID(), kind: 'manual', collectors: [], tool: 'kubevidence', definitions });
    const listings = Object.keys(kinds).map((kind) => ({
      kind: kind as ListingKind,
      collectorVersion: 1,
      keepDigest: '',
      reusable: false,
    }));
    const writer = ledger.startRun({ cluster: 'prod', number, identity, scope: 'cluster', listings });
    for (const { kind } of listings) {
      const objects = kinds[kind]?.(number) ?? [];
      writer.put(kind, objects);
      const at = context.clock().toISOString();
      const request = {
        path: '/api',
        status: 200,
        startedAt: at,
        endedAt: at,
        pages: 1,
        items: objects.length,
        bytes: 1,
        attempts: 1,
        consistency: 'consistent' as const,
      };
      const gaps =
        kind === 'k8s.rbac/roles'
          ? [{ reason: 'forbidden' as const, what: 'roles', detail: `User "${people.actor}" cannot list roles` }]
          : [];
      writer.close({
        kind,
        collectorVersion: 1,
        keepDigest: '',
        assurance: 'observed',
        requests: [request],
        gaps,
        items: objects.length,
        scrubbed: {},
        observedAt: at,
      });
    }
    writer.end({ status: 'succeeded', error: null, identity, serverClockSkewMs: 0 });
  };
  await collect(1);
  const item = `User/${people.subject}|ClusterRoleBinding/friday|ClusterRole/cluster-admin`;
  const asked = { compensatingControl: null, ticket: null, expires: '2027-01-31T00:00:00.000Z' };
  const { id } = ledger.requestException({
    cluster: 'prod',
    control: 'RBAC-001',
    item,
    justification: `asked ${people.given.toUpperCase()}`,
    requester: people.requester,
    ...asked,
  });
  ledger.approveException({ id, approver: people.approver });
  ledger.close();
  writeConfig({ allowed: people.parameter });
  config = configure();
  await approveDefinitions(
    context,
    config,
    { reason: `for ${people.actor}`, requester: people.definer, approver: people.definitionApprover },
    undefined,
  );
  ledger = await openLedgerForWriting(context, config);
  await collect(2);
  const planned = { cluster: 'prod', uuid: randomUUID(), kind: 'manual', collectors: [], tool: 'kubevidence' } as const;
  const definitions = await recordDefinitions(ledger, describeDefinitions(config), { now: context.clock().toISOString() });
  ledger.planRun({ ...planned, definitions });
  const failing = ledger.startRun({ cluster: 'prod', number: 3, identity: { ...identity, actor: null }, scope: 'cluster', listings: [] });
  failing.end({ status: 'failed', error: `the token of the user "${people.inKubeconfig}" expired`, identity, serverClockSkewMs: null });
  ledger.close();
  const erasure = {
    objects: [],
    ids: [],
    payloads: [],
    persons: [erasedPerson],
    expired: false,
    assessments: true,
    overrideRetention: true,
  };
  await erase(context, config, {
    cluster: 'prod',
    ...erasure,
    legalBasis: 'GDPR Art. 17',
    requester: people.erasureRequester,
    approver: people.erasureApprover,
  });
  await placeHold(context, config, { cluster: 'prod', reason: 'case 7', by: people.holder });
  writeConfig({ allowed: people.parameter, redact: false });
  plain = await createPackCommand(context, { ...options, config: configure(), out: join(directory, 'plain') });
  writeConfig({ allowed: people.parameter });
  report = await createPackCommand(context, { ...options, config: configure(), out: join(directory, 'pack') });
}, 120_000);

describe('a pack with pseudonyms', () => {
  it('names nobody in any byte, whom the same pack without them names', { timeout: 60_000 }, async () => {
    const words = wordsOf(people);
    expect(new Set(words).size).toBe(Object.keys(people).length);
    const without = await placesOf(plain, words);
    // What nothing but a hold or an unused name says is in no pack.
    expect([...without].filter(([, places]) => places.length === 0).map(([word]) => word)).toEqual(['zqholder']);
    const named = [...(await placesOf(report, words))].filter(([, places]) => places.length > 0);
    expect(named).toEqual([]);
  });

  it('shows the pseudonyms in each of its files, the same in each', async () => {
    const { all } = createPseudonyms(new Map(Object.values(people).map((name) => [name, 'person'])), {
      key: readPseudonymKey(join(directory, 'pseudonyms.key')),
      cluster: 'prod',
      scope: { users: true, groups: false, collector: true, people: true, annotations: [] },
      words: '',
    });
    const contents = await readable(report);
    const withText = (name: string) => [...contents].flatMap(([file, bytes]) => (bytes.includes(all.get(name) ?? '?') ? [file] : []));
    const pdf = spawnSync('pdftotext', ['-v']).error === undefined ? ['report.pdf text'] : [];
    expect(withText(people.subject)).toEqual(expect.arrayContaining(['assessments/run-2.json', 'assessments/exceptions.json', ...pdf]));
    expect(withText(people.requester)).toEqual(expect.arrayContaining(['assessments/exceptions.json', ...pdf]));
    expect(withText(people.definer)).toEqual(expect.arrayContaining(pdf));
    expect(withText(people.parameter)).toContain('controls/params.json');
    expect(withText(people.inControl)).toContain('controls/catalog.json');
    expect(withText(people.annotation).some((file) => file.startsWith('evidence/'))).toBe(true);
    for (const name of [people.subject, people.requester, people.actor, people.erasureApprover])
      expect(
        withText(name).some((file) => file.startsWith('workbook.xlsx ')),
        name,
      ).toBe(true);
  });

  it('shows them in the paths to cluster-admin, in the drawing and in each step', async () => {
    const { all } = createPseudonyms(new Map([[people.subject, 'person']]), {
      key: readPseudonymKey(join(directory, 'pseudonyms.key')),
      cluster: 'prod',
      scope: { users: true, groups: false, collector: true, people: true, annotations: [] },
      words: '',
    });
    const subjectsIn = async (pack: PackReport) => {
      const book = new exceljs.Workbook();
      await book.xlsx.readFile(join(pack.directory ?? '', 'workbook.xlsx'));
      const sheet = book.getWorksheet('Paths to cluster-admin');
      return [1, 5].map((column) => sheet?.getColumn(column).values.map(String) ?? []);
    };
    for (const column of await subjectsIn(plain)) expect(column).toContain(`User/${people.subject}`);
    for (const column of await subjectsIn(report)) expect(column).toContain(`User/${all.get(people.subject)}`);
    const text = spawnSync('pdftotext', ['-raw', join(report.directory ?? '', 'report.pdf'), '-'], { maxBuffer: 1e8 });
    if (text.error !== undefined) return;
    const pages = text.stdout.toString('utf8').split('\f');
    const page = pages.find((each) => each.includes('can climb to cluster-admin') && each.includes('Which bindings to remove')) ?? '';
    expect(page).toMatch(/person-[0-9a-z]{4}/);
  });

  it('verifies, and says how much of it is the word of the signer', async () => {
    const { ok, problems, proved, notProved } = await verifyPack(report.zip ?? '', { trust: report.fingerprint });
    expect({ ok, problems }).toEqual({ ok: true, problems: [] });
    const shown = [...filesOf(report.directory)]
      .filter(([name]) => name.startsWith('evidence/'))
      .map(([, bytes]) => JSON.parse(bytes.toString()) as Shown);
    const hidden = shown.flatMap(({ objects }) => objects).filter((each) => 'pseudonymised' in each);
    expect(hidden.length).toBeGreaterThan(5);
    expect(hidden.length).toBe(report.pseudonyms?.objects);
    expect(hidden.every((each) => !('salt' in each))).toBe(true);
    const said = notProved.join('\n');
    expect(said).toContain(`what ${hidden.length} objects of `);
    expect(said).toMatch(/which items \d+ lists? of exhibits held/);
    expect(said).toMatch(/how 1 listing was read|how 2 listings were read/);
    expect(said).toContain(
      `that the listings of ${shown.length} exhibits, with their items and objects, are those of the runs that the log recorded`,
    );
    for (const part of ['the assessment says', 'the catalog says', 'the parameters say', '2 requests and approvals of exceptions say'])
      expect(said).toMatch(new RegExp(`what ${part}: \\w+ \\w+ shown with pseudonyms, and the signer may have changed anything in `));
    expect(proved.join('\n')).toMatch(
      /exhibits, in part shown with pseudonyms: ids computed anew tie 0 items and what 0 objects say to the records of the runs,/,
    );
    expect(proved.join('\n')).not.toMatch(
      /up to the records of the runs|is the one that the log recorded|by the enclosed|the exhibits (?:show|name)/,
    );
    expect(proved.join('\n')).toMatch(/the log recorded an assessment of run 2 under the id in the pack: \d+ /);
    // The salts of what is shown so are nowhere: with them names could be tried.
    expect(shown.every(({ runPayload }) => 'pseudonymised' in runPayload && !('salt' in runPayload))).toBe(true);
  });

  it('leaves words that are names as well where they are words', () => {
    const assessment = filesOf(report.directory).get('assessments/run-2.json')?.toString() ?? '';
    for (const name of awkward) expect(assessment.includes(`User/${name}|`), name).toBe(false);
    expect(assessment).toContain('"cluster":{"name":"prod","uid":"11111111-2222-4333-8444-555555555555","version":"1.36.3"}');
    expect(assessment).toContain('|ClusterRole/cluster-admin"');
  });

  it('says in the report which controls passed on what is shown so', async () => {
    const contents = await readable(report);
    const sheets = [...contents]
      .filter(([name]) => name.startsWith('workbook.xlsx '))
      .map(([, bytes]) => bytes.toString())
      .join('');
    expect(sheets).toContain(`Names of persons are shown as pseudonyms.`);
    expect(sheets).toContain(report.pseudonyms?.key ?? '?');
    expect(sheets).toMatch(/Passed on exhibits that are partly shown with pseudonyms \(\d+\): [A-Z]+-\d+/);
    expect(sheets).toContain('a collector with an account of its own avoids this');
    expect(sheets).toMatch(/pseudonyms: [^<]*the run/);
    expect(contents.get('README-verify.txt')?.toString()).toContain(`this key (${report.pseudonyms?.key})`);
  });

  it('is the same again for the same checkpoint and key', { timeout: 60_000 }, async () => {
    const again = await createPackCommand(context, {
      ...options,
      config: configure(),
      form: 'directory',
      out: join(directory, 'again'),
      checkpoint: report.checkpoint.size,
    });
    expect(filesOf(again.directory).get('manifest.json')).toEqual(filesOf(report.directory).get('manifest.json'));
  });

  it('is caught when somebody edits what is shown with pseudonyms', async () => {
    const files = filesOf(report.directory);
    const [name = '', bytes] =
      [...files].find(([file, content]) => file.startsWith('evidence/') && content.includes('"pseudonymised"')) ?? [];
    files.set(name, Buffer.from((bytes?.toString() ?? '').replace(/person-[0-9a-z]{10}/, 'person-0000000000')));
    const forged = join(directory, 'forged.zip');
    writeFileSync(forged, await writeZip(files));
    const { ok, problems } = await verifyPack(forged, { trust: report.fingerprint });
    expect({ ok, problems }).toEqual({ ok: false, problems: [`${name} was changed: its SHA-256 is not the one in the manifest`] });
  });

  it('shows what the configuration leaves out', { timeout: 60_000 }, async () => {
    writeConfig({ allowed: people.parameter, of: ', of: [users], annotations: []' });
    const some = await createPackCommand(context, { ...options, config: configure(), out: join(directory, 'some') });
    writeConfig({ allowed: people.parameter });
    const places = await placesOf(some, wordsOf(people));
    const shown = [...places].filter(([, found]) => found.length > 0).map(([word]) => word);
    expect(new Set(shown)).toEqual(
      new Set(
        [
          people.annotation,
          people.owner,
          people.labelled,
          people.actor,
          people.inKubeconfig,
          people.requester,
          people.approver,
          people.definer,
          people.definitionApprover,
          people.erasureApprover,
          people.erasureRequester,
        ].map((name) => wordsOf({ name })[0]),
      ),
    );
    // Whoever is hidden in both is the same person in both.
    const [one, other] = [report, some].map(({ directory: path }) =>
      filesOf(path)
        .get('assessments/run-2.json')
        ?.toString()
        .match(/User\/person-[0-9a-z]+\|ClusterRoleBinding\/friday/g),
    );
    expect(one?.length).toBeGreaterThan(1);
    expect(other).toEqual(one);
    const { ok, proved, notProved } = await verifyPack(some.zip ?? '', { trust: some.fingerprint });
    expect(ok).toBe(true);
    expect(notProved.join('\n')).not.toContain('are those of the runs that the log recorded');
    expect(proved.join('\n')).toMatch(/ids computed anew tie [1-9]\d* items and what [1-9]\d* objects say to the records of the runs,/);
  });

  it('is not made without its key', async () => {
    writeFileSync(join(directory, 'pseudonyms.key'), 'short', { mode: 0o600 });
    const made = createPackCommand(context, { ...options, config: configure(), out: join(directory, 'none') });
    await expect(made).rejects.toThrow(/holds no key of pseudonyms/);
    writeFileSync(join(directory, 'pseudonyms.key'), key, { mode: 0o600 });
  });
});

interface Shown {
  readonly runPayload: object;
  readonly objects: readonly object[];
}
