/** A node's document on its way: written and signed on the node, taken into a run, with what becomes of a signature that is wrong. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { packageRoot } from '../../src/app/index.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { at, canonicalize, type JsonObject, listAt, textAt } from '../../src/model/index.ts';
import { verifyJson } from '../../src/signing/index.ts';
import { typist } from '../cli/type.ts';
import { missingTools, readBlocks } from '../docs/blocks.ts';
import { serve } from '../sources/live-server.ts';
import { canary, k3s, kubeadm, makeRoot } from '../sources/node/given.ts';
import { makeKubeconfig } from '../sources/tls.ts';

const now = new Date('2026-11-21T12:00:00.000Z');
let home = '';
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'node-evidence-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const type = (...args: readonly string[]) => typist({ home, clock: () => now })(...args);

const read = (file: string) => JSON.parse(readFileSync(join(home, file), 'utf8')) as JsonObject;

describe('on the node', () => {
  test('it is one line of canonical JSON that its owner alone reads, and the summary says what is next', async () => {
    const { code, out } = await type('node', 'collect', '--root', makeRoot(kubeadm), '--out', 'plain.json', '--node', 'cp-1');
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(
        /^cp-1 \(kubeadm\): \d+ files of \d+ paths looked at in \d\.\d s\n {2}Nobody signed it[^]*collect --files plain\.json$/,
      ),
    ]);
    const text = readFileSync(join(home, 'plain.json'), 'utf8');
    expect(text).toBe(`${canonicalize(JSON.parse(text))}\n`);
    expect(statSync(join(home, 'plain.json')).mode & 0o777).toBe(0o600);
    expect(textAt(read('plain.json'), 'collectedAt')).toBe(now.toISOString());
  });

  test('with --out - the document alone is on stdout', async () => {
    const { code, out, err } = await type('node', 'collect', '--root', makeRoot(k3s), '--out', '-');
    expect(code).toBe(0);
    expect(textAt(JSON.parse(out), 'kind')).toBe('NodeEvidence');
    expect(err).toMatch(/\(k3s\)/);
    expect(out + err).not.toContain(canary);
  });

  test('what could not be read is told with what it costs', async () => {
    const root = makeRoot({ ...kubeadm, '/etc/kubernetes/audit/policy.yaml': 'kind: [', '/var/lib/kubelet/config.yaml': '\u001b[2J' });
    const { code, out } = await type('node', 'collect', '--root', root, '--out', 'x.json', '--node', 'other');
    expect(code).toBe(0);
    expect(out).toMatch(
      /not read: audit-policy: \/etc\/kubernetes\/audit\/policy\.yaml[^]*what the audit log leaves out cannot be assessed/,
    );
    expect(out).toMatch(/not read: kubelet-config: [^]*the settings of the kubelet cannot be assessed/);
    expect(out).not.toContain('\u001b');
  });

  test.each<[string, readonly string[], RegExp]>([
    ['no root of a node', ['--root', '/nothing/there'], /has no etc/],
    ['a name that is none', ['--root', '/', '--node', 'A B'], /no name of a Node/],
    ['an interval that is none', ['--root', '/', '--every', 'often'], /no length of time/],
    ['an interval of seconds', ['--root', '/', '--every', '5s'], /between a minute and 14 days/],
  ])('%s is exit 2', async (_name, args, said) => {
    const { code, err } = await type('node', 'collect', '--out', 'never.json', ...args);
    expect([code, err]).toEqual([2, expect.stringMatching(said)]);
  });

  test('a directory that cannot be written is told', async () => {
    expect((await type('node', 'collect', '--root', makeRoot(k3s), '--out', 'no/such/x.json')).code).toBe(5);
  });

  test('with --every it stays until it is told to end', { timeout: 30_000 }, async () => {
    const main = join(packageRoot, 'src', 'cli', 'main.ts');
    const child = spawn(process.execPath, [main, 'node', 'collect', '--root', makeRoot(k3s), '--out', 'every.json', '--every', '1h'], {
      cwd: home,
    });
    await new Promise((resolve) => child.stdout.on('data', (text: Buffer) => text.includes('every.json') && resolve(undefined)));
    child.kill('SIGTERM');
    expect(await new Promise((resolve) => child.on('close', (code) => resolve(code)))).toBe(0);
  });

  test('5,000 files are read', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 5000 }, (_, index) => [`/var/lib/cni/networks/cbr0/10.0.${index >> 8}.${index & 255}`, 'x']),
    );
    const root = makeRoot({ ...kubeadm, ...files });
    const { out } = await type('node', 'collect', '--root', root, '--out', 'many.json', '--key', 'many.key');
    const [, count = ''] = /: ([\d,]+) files of /.exec(out) ?? [];
    expect(Number(count.replace(',', ''))).toBeGreaterThan(5000);
  });
});

describe('a signature', () => {
  test('is by a key of the node, made once, and holds until anything changes', async () => {
    const root = makeRoot(kubeadm);
    const first = await type('node', 'collect', '--root', root, '--out', 'signed.json', '--key', 'node.key');
    const second = await type('node', 'collect', '--root', root, '--out', 'signed.json', '--key', 'node.key');
    expect(first.out.replaceAll('\n    ', ' ')).toMatch(/signed by [0-9a-f]{64}, a new key; list it/);
    expect(second.out).not.toContain('new key');
    expect(statSync(join(home, 'node.key')).mode & 0o777).toBe(0o600);
    const document = read('signed.json');
    const check = verifyJson(document);
    expect(check).toEqual({ fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(first.out).toContain((check as { fingerprint: string }).fingerprint);
    for (const change of [{ collectedAt: '2026-11-22T12:00:00.000Z' }, { files: [] }, { more: 1 }, { unread: undefined }])
      expect(verifyJson({ ...document, ...change })).toEqual({ problem: expect.stringMatching(/does not hold/) });
    for (const signature of [
      null,
      {},
      { algorithm: 'none' },
      { ...(document['signature'] as JsonObject), publicKey: 'AAAA' },
      { ...(document['signature'] as JsonObject), value: '' },
    ])
      expect(verifyJson({ ...document, signature })).toHaveProperty('problem');
  });

  const block = readBlocks(join(packageRoot, 'docs', 'nodes.md')).find(({ text }) => text.includes('openssl'));
  test.skipIf(block === undefined || missingTools(block).length > 0)(
    'is checked by jq and openssl as the guide says, and a change is found',
    async () => {
      await type('node', 'collect', '--root', makeRoot(kubeadm), '--out', 'node-1.json', '--key', 'by-hand.key');
      const run = () =>
        execFileSync('bash', ['-c', `set -eo pipefail\n${block?.text ?? ''}`], {
          cwd: home,
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        });
      const said = run();
      expect(said).toContain('Signature Verified Successfully');
      expect(said).toContain((verifyJson(read('node-1.json')) as { fingerprint: string }).fingerprint);
      writeFileSync(join(home, 'node-1.json'), readFileSync(join(home, 'node-1.json'), 'utf8').replace('"0600"', '"0644"'));
      expect(run).toThrow('Command failed');
    },
  );

  test('with a key file that others can read is refused', async () => {
    writeFileSync(join(home, 'open.key'), readFileSync(join(home, 'many.key')), { mode: 0o644 });
    expect((await type('node', 'collect', '--root', makeRoot(kubeadm), '--out', 'x.json', '--key', 'open.key')).code).toBe(2);
  });
});

describe('in a run', { timeout: 60_000 }, () => {
  let keys = '';
  const given = (more: string) =>
    writeFileSync(join(home, 'kubevidence.yaml'), `organization: Clinic\nclusters: [{name: prod, directory: nodes${more}}]\n`, {
      mode: 0o600,
    });
  const objectsOf = (kind: 'node.evidence/nodes' | 'files.kubelet/kubeletconfigurations' | 'files.audit-policy/policies') => {
    const ledger = openLedger({ path: join(home, 'kubevidence', 'ledger.db'), mode: 'read', clock: () => now });
    try {
      const snapshot = ledger.snapshot('prod', ledger.runs().at(-1)?.number ?? 0);
      return {
        objects: [...snapshot.objects(kind)],
        gaps: snapshot.listing(kind)?.gaps ?? [],
        assurance: snapshot.listing(kind)?.assurance,
      };
    } finally {
      ledger.close();
    }
  };
  const node = async (out: string, ...more: string[]) =>
    type('node', 'collect', '--root', makeRoot(kubeadm), '--out', `nodes/${out}`, ...more);

  beforeAll(async () => {
    mkdirSync(join(home, 'nodes'));
    await node('a.json', '--node', 'a', '--key', 'a.key');
    await node('b.json', '--node', 'b', '--key', 'b.key');
    await node('c.json', '--node', 'c');
    keys = (verifyJson(read('nodes/a.json')) as { fingerprint: string }).fingerprint;
  });

  test('without listed keys every document enters, with whose it is and when it was collected; and what it holds for others', async () => {
    given('');
    const { code } = await type('collect');
    expect(code).toBe(0);
    const { objects, gaps, assurance } = objectsOf('node.evidence/nodes');
    expect(gaps).toEqual([]);
    expect(assurance).toBe('observed');
    expect(objects.map(({ name, body }) => [name, at(body, 'signer', 'listed'), textAt(body, 'collectedAt')])).toEqual([
      ['a', false, now.toISOString()],
      ['b', false, now.toISOString()],
      ['c', undefined, now.toISOString()],
    ]);
    expect(objectsOf('files.kubelet/kubeletconfigurations').objects.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(objectsOf('files.audit-policy/policies').objects.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    // What is stored is what was signed, but for who signed it.
    const { signer: _signer, ...stored } = objects[0]?.body ?? {};
    expect(verifyJson(stored)).toEqual({ fingerprint: keys });
  });

  test('with listed keys the others are gaps, and nothing of them enters', async () => {
    given(`, nodeKeys: [${keys}]`);
    const { code } = await type('collect');
    expect(code).toBe(0);
    const { objects, gaps } = objectsOf('node.evidence/nodes');
    expect(objects.map(({ name, body }) => [name, at(body, 'signer')])).toEqual([['a', { fingerprint: keys, listed: true }]]);
    expect(gaps.map(({ reason, what, detail }) => [reason, what, detail])).toEqual([
      ['error', expect.stringMatching(/nodes\/b\.json$/), expect.stringMatching(/^its key [0-9a-f]{64} is not among the nodeKeys$/)],
      ['error', expect.stringMatching(/nodes\/c\.json$/), 'nobody signed it, and nodeKeys lists who may'],
    ]);
    expect(objectsOf('files.kubelet/kubeletconfigurations')).toMatchObject({
      objects: [{ name: 'a' }],
      gaps: [{ what: expect.stringMatching(/b\.json$/) }, { what: expect.stringMatching(/c\.json$/) }],
    });
  });

  test('a key that is listed with a node speaks for that node alone, and no other key for it', async () => {
    const of = (file: string) => (verifyJson(read(file)) as { fingerprint: string }).fingerprint;
    await type('node', 'collect', '--root', makeRoot(kubeadm), '--out', 'nodes/in-the-name-of-b.json', '--node', 'b', '--key', 'a.key');
    const [a, b] = [keys, of('nodes/b.json')];
    const outcome = async (listed: string) => {
      given(`, nodeKeys: [${listed}]`);
      const { code, out } = await type('collect');
      const { objects, gaps } = objectsOf('node.evidence/nodes');
      return {
        code,
        told: out.replace(/\s+/g, ' '),
        read: objects.map(({ name, place }) => `${name} ${place?.file.split('/').at(-1)}`),
        gaps: gaps.map(({ detail }) => detail),
      };
    };
    const unsigned = 'nobody signed it, and nodeKeys lists who may';
    const bound = `{node: a, key: ${a}}`;
    const inName = `it is of node b, and nodeKeys lists its key ${a} as that of a`;
    const both = await outcome(`${bound}, {node: b, key: ${b}}`);
    expect(both).toMatchObject({ code: 0, read: ['a a.json', 'b b.json'], gaps: [unsigned, inName] });
    expect(both.told).toContain(`nodes/in-the-name-of-b.json:1: ${inName}`);
    // Nothing of it enters elsewhere either.
    expect(objectsOf('files.kubelet/kubeletconfigurations').gaps.map(({ detail }) => detail)).toEqual([unsigned, inName]);
    // A key that is bound to no node speaks for those that no entry names.
    expect(await outcome(`${bound}, ${b}`)).toMatchObject({ read: ['a a.json', 'b b.json'], gaps: [unsigned, inName] });
    rmSync(join(home, 'nodes', 'b.json'));
    expect(await outcome(a)).toMatchObject({ read: ['a a.json', 'b in-the-name-of-b.json'], gaps: [unsigned] });
    expect(await outcome(`${a}, {node: b, key: ${b}}`)).toMatchObject({
      read: ['a a.json'],
      gaps: [unsigned, `it is of node b, for which nodeKeys lists another key than ${a}`],
    });
    expect(await outcome(`{node: b, key: ${b}}`)).toMatchObject({
      read: [],
      gaps: [`its key ${a} is not among the nodeKeys`, unsigned, `its key ${a} is not among the nodeKeys`, 'no file holds it'],
    });
    // One key of several nodes, and several keys of one.
    expect(await outcome(`${bound}, {node: b, key: ${a}}, {node: b, key: ${b}}`)).toMatchObject({
      read: ['a a.json', 'b in-the-name-of-b.json'],
      gaps: [unsigned],
    });
    rmSync(join(home, 'nodes', 'in-the-name-of-b.json'));
    await node('b.json', '--node', 'b', '--key', 'b.key');
  });

  test.each<[string, RegExp]>([
    ['{node: a}', /nodeKeys\[0\]: a fingerprint, or \{node: NAME, key: FINGERPRINT\}/],
    ['{nod: a, key: KEY}', /nodeKeys\[0\]: a fingerprint, or \{node: NAME, key: FINGERPRINT\}/],
    ['{node: "A B", key: KEY}', /nodeKeys\[0\]\.node: a Node’s name/],
    ['short', /nodeKeys\[0\]: a SHA-256 in hex/],
  ])('an entry %s is an error of the configuration', async (entry, said) => {
    given(`, nodeKeys: [${entry.replace('KEY', keys)}]`);
    const { code, err } = await type('collect');
    expect([code, err.replace(/\s+/g, ' ')]).toEqual([2, expect.stringMatching(said)]);
    given('');
  });

  test('the doctor counts keys that are bound to no node', async () => {
    given(`, nodeKeys: [${keys}, {node: b, key: ${keys}}]`);
    const { out } = await type('doctor');
    expect(out.replace(/\s+/g, ' ')).toContain('1 of 2 nodeKeys may sign for any node that no entry names');
    given(`, nodeKeys: [{node: a, key: ${keys}}]`);
    expect((await type('doctor')).out).not.toContain('nodeKeys');
    given('');
  });

  test('a signature that does not hold is exit 4, the others enter, and of it nothing', async () => {
    given('');
    const whole = readFileSync(join(home, 'nodes', 'b.json'), 'utf8');
    writeFileSync(join(home, 'nodes', 'b.json'), whole.replace('"0600"', '"0644"'));
    const { code, out } = await type('collect');
    const assessed = await type('assess', '--from', 'nodes');
    writeFileSync(join(home, 'nodes', 'b.json'), whole);
    expect(code).toBe(4);
    expect(out).toMatch(/nodes\/b\.json:1: its signature does not hold/);
    expect(objectsOf('node.evidence/nodes').objects.map(({ name }) => name)).toEqual(['a', 'c']);
    expect(objectsOf('files.audit-policy/policies')).toMatchObject({
      objects: [{ name: 'a' }, { name: 'c' }],
      gaps: [{ what: expect.stringMatching(/b\.json$/) }],
    });
    expect([assessed.code, assessed.out]).toEqual([4, '']);
  });

  test('what a document says of its signer itself counts for nothing', async () => {
    const forged = { ...read('nodes/c.json'), signer: { fingerprint: keys, listed: true } };
    writeFileSync(join(home, 'nodes', 'c.json'), JSON.stringify(forged));
    given('');
    await type('collect');
    expect(objectsOf('node.evidence/nodes').objects.map(({ name, body }) => [name, at(body, 'signer', 'listed')])).toEqual([
      ['a', false],
      ['b', false],
      ['c', undefined],
    ]);
  });

  test('of several documents of one node the last counts, and of two of one moment neither is believed over the other', async () => {
    const base = { ...read('nodes/c.json'), metadata: { name: 'e' } };
    const write = (file: string, more: JsonObject) => writeFileSync(join(home, 'nodes', file), JSON.stringify({ ...base, ...more }));
    write('e1.json', { collectedAt: '2026-11-20T12:00:00.000Z', certificates: [] });
    write('e2.json', { collectedAt: '2026-11-21T12:00:00.000Z', unread: [] });
    write('e3.json', { collectedAt: '2026-11-19T12:00:00.000Z', kubeconfigs: [] });
    given('');
    expect((await type('collect')).code).toBe(0);
    const latest = objectsOf('node.evidence/nodes');
    expect(latest.gaps).toEqual([]);
    expect(latest.objects.filter(({ name }) => name === 'e').map(({ place }) => place?.file.slice(-7))).toEqual(['e2.json']);
    expect(objectsOf('files.kubelet/kubeletconfigurations').objects.filter(({ name }) => name === 'e')).toHaveLength(1);
    write('e3.json', { collectedAt: '2026-11-21T12:00:00.000Z', kubeconfigs: [] });
    const { out } = await type('collect');
    expect(out.replace(/\s+/g, ' ')).toContain('another document of node e is of the same moment, and differs');
    expect(objectsOf('node.evidence/nodes').gaps).toHaveLength(1);
    for (const name of ['e1', 'e2', 'e3']) rmSync(join(home, 'nodes', `${name}.json`));
  });

  test('what was not read on a node is a gap where other listings would have it', async () => {
    const root = makeRoot({ ...kubeadm, '/etc/kubernetes/audit/policy.yaml': 'kind: [' });
    await type('node', 'collect', '--root', root, '--out', 'nodes/d.json', '--node', 'd');
    given('');
    await type('collect');
    const { objects, gaps } = objectsOf('files.audit-policy/policies');
    expect(objects.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(gaps).toEqual([expect.objectContaining({ reason: 'error', what: 'audit policy of node d' })]);
    expect(objectsOf('node.evidence/nodes').objects.at(-1)?.body['unread']).toEqual([expect.objectContaining({ what: 'audit-policy' })]);
  });

  test('joins a live run by --files, and a broken signature does not stop it', async () => {
    const port = await serve((_request, response, url) => {
      const items = [{ metadata: { name: 'kube-system', uid: '11111111-2222-4333-8444-555555555555' } }];
      response.setHeader('date', now.toUTCString()).setHeader('content-type', 'application/json');
      if (url.pathname === '/version') response.end(JSON.stringify({ gitVersion: 'v1.36.3', major: '1', minor: '36' }));
      else if (url.pathname === '/api/v1/namespaces')
        response.end(JSON.stringify({ kind: 'NamespaceList', apiVersion: 'v1', metadata: {}, items }));
      else response.writeHead(404).end('{}');
    });
    writeFileSync(join(home, 'kubeconfig'), makeKubeconfig(`https://127.0.0.1:${port}`));
    given(`}, {name: live, kubeconfig: kubeconfig, nodeKeys: [${keys}]`);
    mkdirSync(join(home, 'live'));
    for (const name of ['a', 'b']) writeFileSync(join(home, 'live', `${name}.json`), readFileSync(join(home, 'nodes', `${name}.json`)));
    writeFileSync(join(home, 'live', 'x.json'), JSON.stringify({ ...read('nodes/a.json'), unread: 'of another form too' }));
    const { code, out } = await type('collect', '--cluster', 'live', '--files', join(home, 'live'), '-o', 'json');
    expect(code).toBe(4);
    const report = JSON.parse(out) as JsonObject;
    expect(at(report, 'status')).toBe('partial');
    expect(listAt(report, 'fileProblems').map((each) => [textAt(each, 'file'), at(each, 'integrity') ?? false])).toEqual([
      [join(home, 'live', 'b.json'), false],
      [join(home, 'live', 'x.json'), true],
    ]);
    const nodes = listAt(report, 'listings').find((each) => textAt(each, 'kind') === 'node.evidence/nodes');
    expect([at(nodes, 'items'), listAt(nodes, 'gaps').length]).toEqual([1, 2]);
  });

  test('no canary is in the ledger', () => {
    const bytes = readFileSync(join(home, 'kubevidence', 'ledger.db'));
    expect(bytes.includes(canary)).toBe(false);
  });
});

test('the DaemonSet may read and nothing else', () => {
  const documents = parseAllDocuments(readFileSync(join(packageRoot, 'deploy', 'node-collector.yaml'), 'utf8')).map(
    (each) => each.toJS() as JsonObject,
  );
  expect(documents.map((each) => each['kind'])).toEqual(['Namespace', 'NetworkPolicy', 'DaemonSet']);
  const spec = at(documents[2], 'spec', 'template', 'spec');
  const [container] = listAt(spec, 'containers');
  expect(at(spec, 'automountServiceAccountToken')).toBe(false);
  expect(at(spec, 'hostPID') ?? at(spec, 'hostNetwork') ?? at(spec, 'hostIPC')).toBeUndefined();
  expect(at(spec, 'securityContext', 'seccompProfile', 'type')).toBe('RuntimeDefault');
  expect(at(container, 'securityContext')).toEqual({
    runAsUser: 0,
    runAsGroup: 0,
    privileged: false,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: ['DAC_READ_SEARCH'] },
  });
  expect(listAt(container, 'volumeMounts').every((mount) => at(mount, 'readOnly') === true)).toBe(true);
  expect(listAt(documents[1], 'spec', 'policyTypes')).toEqual(['Ingress', 'Egress']);
});
