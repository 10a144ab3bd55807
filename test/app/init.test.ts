/** What `init` proposes from the kubeconfig, and that it is a configuration. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { init, loadConfig } from '../../src/app/index.ts';

function given(contexts: readonly string[], current = contexts[0]) {
  const cwd = mkdtempSync(join(tmpdir(), 'init-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const kubeconfig = join(cwd, 'kubeconfig');
  const named = (name: string, key: string, value: object) => ({ name, [key]: value });
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': current,
      clusters: contexts.map((name, index) => named(name, 'cluster', { server: `https://${index}.example:6443` })),
      users: [],
      contexts: contexts.map((name) => named(name, 'context', { cluster: name, user: 'me' })),
    }),
  );
  const warnings: string[] = [];
  const context = {
    cwd,
    env: { HOME: cwd, KUBECONFIG: kubeconfig },
    clock: () => new Date(),
    uid: process.getuid?.() ?? null,
    warn: (text: string) => void warnings.push(text),
    progress: () => {},
  };
  const read = () => readFileSync(join(cwd, 'kubevidence.yaml'), 'utf8');
  return { context, read, load: () => loadConfig({ cwd, uid: context.uid }), warnings };
}

describe('init', () => {
  it('takes the current context, and proposes the others under names of their own', async () => {
    const { context, read, load } = given(['admin@prod', 'arn:aws:eks:eu-central-1:1:cluster/staging', 'me@staging'], 'admin@prod');
    expect(await init(context, { organization: 'Clinic: "Süd"' })).toMatchObject({
      cluster: 'prod',
      otherContexts: 2,
      context: { name: 'admin@prod' },
    });
    expect(load()).toMatchObject({ organization: 'Clinic: "Süd"', clusters: [{ name: 'prod', context: 'admin@prod' }], idle: [] });
    expect(read()).toContain('  # - {name: staging, context: "arn:aws:eks:eu-central-1:1:cluster/staging"} # https://1.example:6443\n');
    expect(read()).toContain('  # - {name: staging-2, context: "me@staging"} # https://2.example:6443\n');
  });

  it('writes what is a configuration still when everything proposed is taken', async () => {
    const { context, read } = given(['a', 'b', ...Array.from({ length: 20 }, (_, index) => `c${index}`)]);
    await init(context, {});
    const taken = read().replace(/^( *)# (?=( *)(- \{name|schedule:|  collect:|timeToLive|timezone|frameworks|keepAnnotations))/gm, '$1');
    writeFileSync(join(context.cwd, 'kubevidence.yaml'), taken);
    const config = loadConfig({ cwd: context.cwd, uid: context.uid });
    expect(config.clusters.map(({ name, context: of }) => [name, of])).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ...Array.from({ length: 9 }, (_, index) => [`c${index}`, `c${index}`]),
    ]);
    expect(config).toMatchObject({ schedule: { collect: '0 6 * * *' }, timeToLive: { default: '26h' } });
    expect(read()).toContain('# and 11 more contexts');
  });

  it('lets no name of a context end its line', async () => {
    const hostile = 'x\n  - name: injected\r\u2028\u202e#';
    const { context, load, read } = given(['a', hostile]);
    await init(context, {});
    expect(load().clusters).toEqual([{ name: 'a', context: 'a' }]);
    expect(read()).not.toMatch(/[\r\u2028\u202e]|^ +- name: injected/m);
  });

  it('replaces nothing, and says when there is no kubeconfig', async () => {
    const { context, warnings, load } = given([]);
    const without = { ...context, env: { HOME: context.cwd, KUBECONFIG: join(context.cwd, 'none') } };
    expect(await init(without, {})).toMatchObject({ cluster: 'cluster', context: null });
    expect(warnings).toEqual([expect.stringContaining('no kubeconfig')]);
    expect(load().clusters).toEqual([{ name: 'cluster' }]);
    await expect(init(without, {})).rejects.toThrow('left as it is');
  });
});
