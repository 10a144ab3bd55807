/** The same cluster with encryption and auditing in different states: outcomes differ as they must. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandLine, openCommandLine, outcomeOf } from './command-line.ts';
import { type ClusterOptions, startCluster, type TestCluster } from './index.ts';

let cluster: TestCluster;
let line: CommandLine;

async function open(options: ClusterOptions): Promise<void> {
  cluster = await startCluster({ node: true, ...options });
  line = openCommandLine(cluster.kubeconfig);
}
async function close(): Promise<void> {
  line.remove();
  await cluster.stop();
}

let secrets = 0;
/** Two runs in one server process, with a Secret written between them, so that counters can be compared. */
async function look(files: readonly string[] = []) {
  const collect = async () => {
    const { code, stderr } = await line.run('collect', ...(files.length > 0 ? ['--files', ...files] : []));
    if (code !== 0) throw new Error(`collect ended with ${code}: ${stderr}`);
  };
  await collect();
  secrets += 1;
  await cluster.kubectl(['-n', 'default', 'create', 'secret', 'generic', `written-${secrets}`, '--from-literal=key=value']);
  await collect();
  return line.assess();
}

describe('a cluster that encrypts Secrets and keeps an audit log', () => {
  beforeAll(() => open({}));
  afterAll(close);

  it('passes with a strong provider first, and with events that are written', async () => {
    const assessment = await look([cluster.encryptionFile, cluster.auditPolicyFile]);
    expect(['1.2.27', '1.2.28', '1.2.16', '3.2.1'].map((id) => [id, outcomeOf(assessment, id)])).toEqual([
      ['1.2.27', 'pass'],
      ['1.2.28', 'pass'],
      ['1.2.16', 'pass'],
      ['3.2.1', 'pass'],
    ]);
    const serving = assessment.controls.find(({ id }) => id === 'CERT-004');
    expect(serving).toMatchObject({ population: { tested: 1 }, findings: [] });
  }, 120_000);

  it('fails with identity first, although a strong provider follows; the file is not needed to see it', async () => {
    await cluster.restartApiServer({ encryption: 'identity-first' });
    expect(outcomeOf(await look([cluster.encryptionFile]), '1.2.28')).toBe('fail');
    expect(outcomeOf(await look(), '1.2.28')).toBe('fail');
  }, 120_000);
});

describe('a cluster that does neither', () => {
  beforeAll(() => open({ encryption: 'none', audit: 'none' }));
  afterAll(close);

  it('fails, and nothing about audit events or encrypted Secrets passes', async () => {
    const assessment = await look();
    expect(['1.2.27', '1.2.16', '3.2.1'].map((id) => [id, outcomeOf(assessment, id)])).toEqual([
      ['1.2.27', 'fail'],
      ['1.2.16', 'fail'],
      ['3.2.1', 'fail'],
    ]);
    expect(outcomeOf(assessment, '1.2.28')).not.toBe('pass');
    expect(assessment.controls.filter(({ id, outcome }) => id.startsWith('ENC-') && outcome === 'pass')).toEqual([]);
  }, 120_000);
});
