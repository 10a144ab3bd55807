/** The main job as people type it, on a real server, and what they are told when something is wrong: one sentence, the exit code, nothing lost. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LedgerStatus } from '../../src/ledger/index.ts';
import { type CommandLine, openCommandLine } from './command-line.ts';
import { applyWorkloads, startCluster, type TestCluster } from './index.ts';

interface Kubeconfig {
  clusters: { name: string; cluster: Record<string, string> }[];
  users: { name: string; user: Record<string, string> }[];
  contexts: { name: string; context: Record<string, string> }[];
  'current-context': string;
}

let cluster: TestCluster;
let line: CommandLine;

beforeAll(async () => {
  cluster = await startCluster();
  await applyWorkloads(cluster);
  line = openCommandLine(cluster.kubeconfig);
  rmSync(join(line.dir, 'kubevidence.yaml'));
});
afterAll(async () => {
  line.remove();
  await cluster.stop();
});

/** A copy of the admin's kubeconfig with something changed. */
function kubeconfig(name: string, change: (config: Kubeconfig) => void): string {
  const config = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8')) as Kubeconfig;
  change(config);
  return line.write(name, JSON.stringify(config));
}

async function using<T>(file: string, act: () => Promise<T>): Promise<T> {
  const before = line.kubeconfig;
  line.kubeconfig = file;
  try {
    return await act();
  } finally {
    line.kubeconfig = before;
  }
}

async function runs(): Promise<LedgerStatus['runs']> {
  const { stdout } = await line.run('ledger', 'status', '-o', 'json');
  return (JSON.parse(stdout) as LedgerStatus).runs;
}

describe('the main job', () => {
  it('runs from init to a checkpoint without an edit', async () => {
    const commands = [
      ['init', '--organization', 'Example Clinic', '--cluster', 'clinic'],
      ['doctor'],
      ['collect'],
      ['ledger', 'checkpoint', '--out', 'kept.checkpoint'],
      ['collect', '--files', cluster.encryptionFile, cluster.auditPolicyFile],
      ['assess'],
      ['ledger', 'verify'],
      ['ledger', 'verify', '--against', 'kept.checkpoint'],
    ];
    for (const args of commands) {
      const { code, stdout, stderr } = await line.run(...args);
      expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 0, expect.not.stringContaining('defect')]);
      expect(stdout).not.toBe('');
    }
    expect((await runs()).map(({ cluster: name, number, status, kind }) => [name, number, status, kind])).toEqual([
      ['clinic', 1, 'succeeded', 'manual'],
      ['clinic', 2, 'succeeded', 'manual'],
    ]);
  });

  it('judges a past run, and says with its exit code how bad it is', async () => {
    const past = await line.assess('--run', '1');
    expect(past.run?.number).toBe(1);
    // alice holds cluster-admin, which is critical.
    expect((await line.run('assess', '--fail-on', 'critical')).code).toBe(1);
    expect((await line.run('assess', '--strict')).code).toBe(3);
    const { stdout } = await line.run('assess', '-o', 'json', '--control', 'RBAC-001');
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'kubevidence/assessment/v1',
      scope: 'cluster',
      controls: [{ id: 'RBAC-001', outcome: 'fail' }],
    });
  });

  it('takes another context of the kubeconfig for another cluster of the configuration', async () => {
    const file = kubeconfig('two.conf', (config) => {
      config.contexts.push({ name: 'second', context: config.contexts[0]?.context ?? {} });
    });
    line.write(
      'two.yaml',
      `organization: Example\nledger: sqlite:two/ledger.db\nclusters:\n  - {name: first}\n  - {name: other, context: second}\n`,
    );
    await using(file, async () => {
      const { code, stderr } = await line.run('--config', 'two.yaml', 'collect');
      expect([code, stderr]).toEqual([2, expect.stringContaining('--cluster first|other')]);
      expect((await line.run('--config', 'two.yaml', 'collect', '--cluster', 'other')).code).toBe(0);
    });
  });
});

describe('what cannot work is said in a sentence, and leaves the ledger as it was or with a run that failed', () => {
  let hole: Server;
  beforeAll(async () => {
    // Takes connections and closes them at once: no TLS server.
    hole = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    hole.close();
  });

  function expiredCertificate(): { 'client-certificate-data': string; 'client-key-data': string } {
    const [key, request, certificate] = ['expired.key', 'expired.csr', 'expired.crt'].map((name) => join(line.dir, name)) as [
      string,
      string,
      string,
    ];
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      key,
      '-out',
      request,
      '-subj',
      '/O=system:masters/CN=late',
    );
    const ca = ['-CA', cluster.caFile, '-CAkey', cluster.caFile.replace(/crt$/, 'key'), '-set_serial', '7', '-days', '-1'];
    openssl('x509', '-req', '-in', request, '-out', certificate, ...ca);
    const encode = (path: string) => readFileSync(path).toString('base64');
    return { 'client-certificate-data': encode(certificate), 'client-key-data': encode(key) };
  }

  const cluster0 = (config: Kubeconfig) => config.clusters[0]?.cluster ?? {};
  const user0 = (config: Kubeconfig) => config.users[0]?.user ?? {};
  const cases: readonly [what: string, change: (config: Kubeconfig) => void, code: number, said: RegExp, failedRun: boolean][] = [
    [
      'a context that is not there',
      (config) => {
        for (const context of config.contexts) context.name = 'tests';
      },
      2,
      /no\s+context "test".*did you mean "tests"/s,
      false,
    ],
    ['a context whose user is not there', (config) => (config.users = []), 2, /has no user "kubernetes-admin"/, false],
    ['a server that nobody answers for', (config) => (cluster0(config)['server'] = 'https://127.0.0.1:1'), 5, /127\.0\.0\.1:1/, true],
    [
      'a server that hangs up',
      (config) => (cluster0(config)['server'] = `https://127.0.0.1:${(hole.address() as AddressInfo).port}`),
      5,
      /127\.0\.0\.1/,
      true,
    ],
    [
      'a server that the CA does not know',
      (config) => {
        cluster0(config)['certificate-authority-data'] = readFileSync(join(cluster.dir, 'pki', 'etcd', 'ca.crt')).toString('base64');
      },
      5,
      /certificate|trust/i,
      true,
    ],
    [
      'an expired client certificate',
      (config) => {
        for (const user of config.users) user.user = expiredCertificate();
      },
      5,
      /expired at .*renew it/s,
      true,
    ],
    [
      'a token that the server refuses',
      (config) => {
        for (const user of config.users) user.user = { token: 'not-a-token' };
      },
      5,
      /does not accept these credentials \(401/,
      true,
    ],
    [
      'a plugin that fails',
      (config) => {
        const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'false', interactiveMode: 'Never' };
        Object.assign(user0(config), { exec });
        for (const key of ['client-certificate-data', 'client-key-data']) Reflect.deleteProperty(user0(config), key);
      },
      5,
      /plugin/i,
      true,
    ],
  ];

  it.each(cases)('%s', async (_what, change, code, said, failedRun) => {
    const before = await runs();
    const finished = await using(kubeconfig('changed.conf', change), () => line.run('collect'));
    expect([finished.code, finished.stdout]).toEqual([code, '']);
    expect(finished.stderr).toMatch(said);
    expect(finished.stderr).not.toMatch(/\n\s+at |defect/);
    expect(finished.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(10);
    const after = await runs();
    expect(after.slice(before.length).map(({ status }) => status)).toEqual(failedRun ? ['failed'] : []);
    expect((await line.run('ledger', 'verify')).code).toBe(0);
  });

  it('a kubeconfig that is not there', async () => {
    const { code, stderr } = await using(join(line.dir, 'nowhere.conf'), () => line.run('collect'));
    expect([code, stderr]).toEqual([2, expect.stringMatching(/no kubeconfig.*KUBECONFIG/s)]);
  });

  it('a failed run is judged without a single pass, and the one before it still stands', async () => {
    const failed = await line.run('assess', '-o', 'json');
    expect(failed.code).toBe(3);
    expect((JSON.parse(failed.stdout) as { controls: { outcome: string }[] }).controls.filter(({ outcome }) => outcome === 'pass')).toEqual(
      [],
    );
    expect((await line.assess('--run', '2')).controls.some(({ outcome }) => outcome === 'pass')).toBe(true);
  });

  it('another cluster behind a known name: exit 4, and nothing of it is stored', async () => {
    const other = await startCluster();
    try {
      const { code, stderr } = await using(other.kubeconfig, () => line.run('collect'));
      expect([code, stderr]).toEqual([4, expect.stringContaining('clinic is another cluster than before')]);
      expect((await runs()).at(-1)).toMatchObject({ status: 'failed' });
      expect((await line.run('ledger', 'verify')).code).toBe(0);
      expect((await line.run('collect')).code).toBe(0);
    } finally {
      await other.stop();
    }
  });

  it('a checkpoint of another log, and a ledger with a changed byte: exit 4', async () => {
    writeFileSync(join(line.dir, 'other.checkpoint'), (await line.run('--config', 'two.yaml', 'ledger', 'checkpoint')).stdout);
    expect((await line.run('ledger', 'verify', '--against', 'other.checkpoint')).code).toBe(4);
    const path = join(line.dir, 'two', 'ledger.db');
    const bytes = readFileSync(path);
    const at = bytes.indexOf('"run-ended"');
    expect(at).toBeGreaterThan(0);
    bytes[at + 1] = 0x52;
    writeFileSync(path, bytes);
    expect((await line.run('--config', 'two.yaml', 'ledger', 'verify')).code).toBe(4);
  });
});
