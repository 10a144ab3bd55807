/** `--from` names files as seen from where the user stands, which need not be where this process does. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { accessPaths, type AppContext, assessCommand } from '../../src/app/index.ts';

const home = mkdtempSync(join(tmpdir(), 'kubevidence-from-'));
afterAll(() => rmSync(home, { recursive: true }));
const context: AppContext = {
  cwd: join(home, 'stands', 'here'),
  env: { HOME: home },
  clock: () => new Date('2026-08-14T12:00:00Z'),
  uid: null,
  warn: () => {},
  progress: () => {},
};
mkdirSync(context.cwd, { recursive: true });
const manifest = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: clinic}\n';
for (const path of ['stands/here/own.yaml', 'stands/above.yaml']) writeFileSync(join(home, path), manifest);

test.each(['own.yaml', './own.yaml', '../above.yaml', '.', join(home, 'stands', 'above.yaml')])('%s is found', async (from) => {
  const { listings } = await assessCommand(context, { from });
  expect(listings.find(({ kind }) => kind === 'k8s.namespaces/namespaces')?.items).toBe(1);
  expect((await accessPaths(context, { from })).scope).toBe('files');
});

test('an error names the file as it was typed', async () => {
  await expect(assessCommand(context, { from: 'none.yaml' })).rejects.toThrow('there is no none.yaml');
});
