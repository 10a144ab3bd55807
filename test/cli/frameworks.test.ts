/** `frameworks list|show` and `controls show` as people type them, without a ledger and on a recording. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type Explanation, explanationSchema } from '../../src/mapping/index.ts';
import { clockFrom } from '../ledger/given.ts';
import { writeRecording } from '../recordings.ts';
import { typist } from './type.ts';

const home = mkdtempSync(join(tmpdir(), 'frameworks-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const type = typist({ home, clock: clockFrom('2026-09-28T13:00:00.000Z'), columns: 80 });
const recording = join(home, 'recording.jsonl.gz');
const friday = ['--from', join(home, 'friday')];

beforeAll(() => {
  writeRecording(recording, ['2026-08-17']);
  mkdirSync(join(home, 'friday'));
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'friday' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: '\u001b[31malice\u202e' }],
  };
  writeFileSync(join(home, 'friday', 'friday.json'), JSON.stringify(binding));
});

async function explain(...args: readonly string[]): Promise<Explanation> {
  const { code, out, err } = await type('frameworks', 'show', ...args, '-o', 'json');
  if (code !== 0) throw new Error(err);
  return explanationSchema.parse(JSON.parse(out));
}

describe('frameworks list', () => {
  it('names every version, and gives names that show takes', async () => {
    const { out } = await type('frameworks', 'list', '-o', 'name');
    const names = out.split('\n');
    expect(names.filter((name) => name.startsWith('cis-kubernetes'))).toEqual([
      'cis-kubernetes',
      'cis-kubernetes@1.12.0',
      'cis-kubernetes@1.11.1',
    ]);
    for (const name of names) {
      const [id] = name.split('@');
      const { code, out: shown } = await type('frameworks', 'show', name, '-o', 'json');
      expect([code, (JSON.parse(shown) as { id: string }).id]).toEqual([0, id]);
    }
  });

  it('says for which Kubernetes a benchmark is', async () => {
    const { out } = await type('frameworks', 'list');
    expect(out).toMatch(/^cis-kubernetes +2\.0\.1 +benchmark +131 +1\.34, 1\.35 +CIS/m);
    expect(out).toMatch(/^cis-kubernetes +1\.12\.0 +benchmark +131 +1\.32, 1\.33, 1\.34 +CIS/m);
    expect(out).toMatch(/^cis-kubernetes +1\.11\.1 +benchmark +134 +1\.29, 1\.30, 1\.31 +CIS/m);
    expect(out).toMatch(/^gdpr .* - +General/m);
  });
});

describe('frameworks show, one requirement', () => {
  it('without a ledger tells from what it is decided, and why there is no outcome', async () => {
    const { code, out, err } = await type('frameworks', 'show', 'cis-kubernetes', '1.2.16');
    expect([code, err]).toEqual([0, '']);
    for (const text of [
      'CIS Kubernetes Benchmark 2.0.1 · API server',
      '1.2.16 · API server writes an audit log (level 1',
      'not judged: there is no kubevidence.yaml here, so no ledger',
      "from the API where its programs are static pods, else evidence of their nodes; on managed clusters: the provider's part",
      'AUD-001 · exact, partial · high · API servers write an audit log',
      'tests apiServers: An API server replica',
      'k8s.apiserver/flagz: get /flagz',
      'kubevidence controls show AUD-001',
    ])
      expect(out.replaceAll(/\n +/g, ' ')).toContain(text);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('on a recording tells the outcome, the items and the evidence behind it', async () => {
    const explanation = await explain('cis-kubernetes', '5.1.1', '--from', recording);
    expect(explanation).toMatchObject({
      schema: 'kubevidence/requirement/v1',
      framework: { id: 'cis-kubernetes', version: '2.0.1 (not published for 1.36)', kind: 'benchmark' },
      decided: 'whole',
      from: 'api',
      onManaged: 'same',
      present: { scope: 'cluster', outcome: 'fail', counts: { fail: 1 } },
      notJudged: null,
    });
    const [result] = explanation.present?.controls ?? [];
    const alice = result?.findings.find(({ item }) => item.includes('alice'));
    expect(alice?.evidence.length).toBeGreaterThan(0);
    expect(result?.evidence.map(({ kind }) => kind)).toContain('k8s.rbac/clusterrolebindings');

    const { out } = await type('frameworks', 'show', 'cis-kubernetes', '5.1.1', '--from', recording);
    expect(out).toMatch(/outcome +fail · clinic-prod \(1\.36\.\d+\)/);
    expect(out.replaceAll(/\n +/g, ' ')).toMatch(/User\/alice holds ClusterRole\/cluster-admin .*?\[[0-9a-f]{12}/);
    expect(out.replaceAll(/\n +/g, ' ')).toMatch(/stands on .*k8s\.rbac\/clusterrolebindings \(\d+\) \[[0-9a-f]{12}\]/);
  });

  it('of a law says that no outcome means that it is met, and names what only supports it', async () => {
    const { out } = await type('frameworks', 'show', 'gdpr', '32(1)(b)', '--from', recording);
    const text = out.replaceAll(/\n +/g, ' ');
    expect(text).toContain('No deviation found does not mean that the law is met.');
    expect(text).toMatch(/outcome +deviation · clinic-prod/);
    expect(text).toMatch(/supporting, pass \(\d+\): /);
    expect(text).not.toMatch(/complian/i);
  });

  it('of which the cluster shows nothing needs a person', async () => {
    expect(await explain('gdpr', '5(1)(a)', '--from', recording)).toMatchObject({
      decided: 'person',
      from: null,
      controls: [],
      evidence: [],
      present: { outcome: 'manual' },
    });
  });

  it('has gaps where the evidence was not read, and no control characters of what was', async () => {
    const explanation = await explain('cis-kubernetes', '5.1.1', ...friday);
    expect(explanation.present?.outcome).toBe('fail');
    const { out } = await type('frameworks', 'show', 'cis-kubernetes', '5.1.1', ...friday);
    expect(out).toContain('holds ClusterRole/cluster-admin');
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
    expect((await explain('cis-kubernetes', '5.3.2', ...friday)).present).toMatchObject({ outcome: 'notAssessed' });
  });

  test.each<[string, string, string]>([
    ['nothing was collected', 'clusters: [{name: prod}]', 'nothing has been collected yet'],
    [
      'nobody says which cluster',
      'ledger: sqlite:there.db\nclusters: [{name: prod}, {name: test}]',
      'the ledger is for 2 clusters: name one with --cluster',
    ],
  ])('%s: it is explained all the same, with why there is no outcome', async (_, configuration, why) => {
    const config = join(home, 'some.yaml');
    writeFileSync(config, `organization: Example Clinic\n${configuration}\n`, { mode: 0o600 });
    writeFileSync(join(home, 'there.db'), '');
    expect(await explain('cis-kubernetes', '5.1.1', '--config', config)).toMatchObject({ present: null, notJudged: why });
  });

  test.each<[string[], RegExp]>([
    [['cis-kubernets'], /there is no framework cis-kubernets\.\n.*"cis-kubernetes"/],
    [['cis-kubernetes@1.10.0', '5.1.1'], /there is no framework cis-kubernetes@1\.10\.0/],
    [
      ['cis-kubernetes', '5.2.13'],
      /cis-kubernetes 2\.0\.1 has no requirement 5\.2\.13, but 1\.11\.1 has[^]*show cis-kubernetes@1\.11\.1 5\.2\.13/,
    ],
    [['cis-kubernetes@1.12.0', '2.8'], /cis-kubernetes 1\.12\.0 has no requirement 2\.8, but 1\.11\.1 has/],
    [['cis-kubernetes', '5.1.99'], /cis-kubernetes 2\.0\.1 has no requirement 5\.1\.99/],
    [['cis-kubernetes', '5.1.1', '--from', 'none'], /there is no none/],
    [['cis-eks', '2.1.1', '--from', recording], /cis-eks is for clusters that EKS runs/],
    [['cis-kubernetes', '5.1.1', '--run', '3'], /kubevidence\.yaml/],
  ])('%j is refused', async (args, message) => {
    const { code, err } = await type('frameworks', 'show', ...args);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe('controls show', () => {
  it('names a requirement of an older version only where the newest does not have it', async () => {
    const supports = async (id: string) => (await type('controls', 'show', id)).out.replaceAll(/\n +/g, ' ').split('supports')[1] ?? '';
    expect(await supports('POD-014')).toContain('cis-kubernetes@1.12.0 5.2.9');
    expect(await supports('ETCD-007')).toMatch(/cis-kubernetes 2\.7.* cis-kubernetes@1\.11\.1 2\.8/);
    expect(await supports('AUD-009')).toMatch(/cis-kubernetes 3\.2\.2(?!.*cis-kubernetes@)/);
  });
});
