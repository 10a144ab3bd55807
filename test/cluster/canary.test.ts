/** A value planted wherever secrets hide appears in nothing that is written or printed. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLedger } from '../../src/ledger/index.ts';
import { type CommandLine, openCommandLine } from './command-line.ts';
import { applyWorkloads, startCluster, type TestCluster } from './index.ts';
import { storeDefinitions, storeObjects } from './store-objects.ts';

const canary = 'kvCanary7Qx9ZplT4mWb';
let cluster: TestCluster;
let line: CommandLine;

beforeAll(async () => {
  cluster = await startCluster({ node: false, controllerManager: false });
  await applyWorkloads(cluster, { canary });
  await cluster.apply(storeDefinitions());
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  await cluster.apply([...storeObjects(canary), ...legacyTokens()]);
  line = openCommandLine(cluster.kubeconfig, 'collectors: {secrets: true, configmaps: true, certmanager: true, externalsecrets: true}\n');
});
afterAll(async () => {
  line.remove();
  await cluster.stop();
});

/** Tokens that never end: one that was used yesterday, and one that was not for long. */
function legacyTokens() {
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  return Object.entries({ recent: yesterday, old: '2024-01-31' }).map(([name, day]) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace: 'clinic',
      labels: { 'kubernetes.io/legacy-token-last-used': day },
      annotations: { 'kubernetes.io/service-account.name': 'default' },
    },
    type: 'kubernetes.io/service-account-token',
    stringData: { token: `token-${canary}` },
  }));
}

/** As it is, and as Secrets hold it. */
const forms = [canary, Buffer.from(canary).toString('base64').slice(0, 20), canary.toLowerCase()];
const holds = (bytes: Uint8Array | string) => forms.some((form) => Buffer.from(bytes).includes(form));

describe('a planted secret', () => {
  it('is really there', async () => {
    for (const kinds of [
      'secrets',
      'configmaps',
      'pods',
      'deployments',
      'certificates',
      'externalsecrets',
      'secretstores',
      'sealedsecrets',
    ])
      expect([kinds, holds(await cluster.kubectl(['get', kinds, '-A', '-o', 'yaml']))]).toEqual([kinds, true]);
  });

  it('is in no output, no file, no stored object, no pack', async () => {
    const outputs: string[] = [];
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await line.run(...args);
      expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 0, expect.any(String)]);
      outputs.push(stdout, stderr);
    };
    await run('collect', '--record', 'recording.jsonl.gz');
    await run('assess');
    await run('assess', '-o', 'json');
    await run('pack', 'create', '--out', 'pack', '--no-zip');
    expect(outputs.filter(holds)).toEqual([]);

    const files = readdirSync(line.dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = files.map(({ parentPath, name }) => join(parentPath, name));
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => holds(readFileSync(path)))).toEqual([]);
    expect(holds(gunzipSync(readFileSync(join(line.dir, 'recording.jsonl.gz'))))).toBe(false);
    // A workbook is a zip of compressed parts, a PDF has compressed streams.
    expect(
      holds(
        execFileSync(
          'python3',
          [
            '-c',
            'import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nfor n in z.namelist(): sys.stdout.buffer.write(z.read(n))',
            join(line.dir, 'pack', 'workbook.xlsx'),
          ],
          { maxBuffer: 1 << 28 },
        ),
      ),
    ).toBe(false);

    const ledger = openLedger({ path: join(line.dir, 'evidence', 'ledger.db'), mode: 'read', clock: () => new Date() });
    const reader = ledger.snapshot('test', 1);
    let objects = 0;
    for (const { kind } of reader.listings()) {
      for (const object of reader.objects(kind)) {
        objects += 1;
        expect(holds(JSON.stringify(object)), `${kind} ${object.name}`).toBe(false);
      }
    }
    for (const kind of ['k8s.secrets/secrets', 'k8s.configmaps/configmaps', 'k8s.certmanager/certificates'] as const)
      expect([kind, [...reader.objects(kind)].length > 0]).toEqual([kind, true]);
    for (const resource of ['externalsecrets', 'secretstores', 'sealedsecrets'] as const)
      expect([resource, [...reader.objects(`k8s.externalsecrets/${resource}`)].length]).toEqual([resource, 1]);
    ledger.close();
    expect(objects).toBeGreaterThan(100);
  }, 120_000);

  it('is told by where it stands and by the rule that recognised it', async () => {
    const { controls } = await line.assess();
    const messages = (id: string) =>
      controls
        .find((control) => control.id === id)
        ?.findings.map(({ message }) => message)
        .join('\n') ?? '';
    expect(messages('SEC-004')).toMatch(/clinic\/recent .* used: within the last 30 days/);
    expect(messages('SEC-004')).toMatch(/clinic\/old .* used: more than 30 days ago/);
    expect(messages('SEC-013')).toContain('booking/booking-settings');
    expect(messages('SEC-015')).toContain('clinic/web of ClusterIssuer/ca');
    expect(messages('SEC-016')).toContain('ExternalSecret clinic/patient-db');
    // Of what is not served, nothing is missing.
    expect(controls.find(({ id }) => id === 'SEC-016')?.gaps).toEqual([]);
  });
});
