/** A value planted wherever secrets hide appears in nothing that is written or printed. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLedger } from '../../src/ledger/index.ts';
import { type CommandLine, openCommandLine } from './command-line.ts';
import { applyWorkloads, startCluster, type TestCluster } from './index.ts';

const canary = 'kvCanary7Qx9ZplT4mWb';
let cluster: TestCluster;
let line: CommandLine;

beforeAll(async () => {
  cluster = await startCluster({ node: false, controllerManager: false });
  await applyWorkloads(cluster, { canary });
  line = openCommandLine(cluster.kubeconfig, 'collectors: {secrets: true}\n');
});
afterAll(async () => {
  line.remove();
  await cluster.stop();
});

/** As it is, and as Secrets hold it. */
const forms = [canary, Buffer.from(canary).toString('base64').slice(0, 20), canary.toLowerCase()];
const holds = (bytes: Uint8Array | string) => forms.some((form) => Buffer.from(bytes).includes(form));

describe('a planted secret', () => {
  it('is really there', async () => {
    const objects = await cluster.kubectl(['get', 'secrets,configmaps,pods,deployments', '-A', '-o', 'yaml']);
    expect(holds(objects)).toBe(true);
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
    expect([...reader.objects('k8s.secrets/secrets')].length).toBeGreaterThan(0);
    ledger.close();
    expect(objects).toBeGreaterThan(100);
  }, 120_000);
});
