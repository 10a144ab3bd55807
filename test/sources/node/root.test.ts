/** Nothing outside of the root, nothing that blocks, nothing without a bound. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalize, listAt, textAt } from '../../../src/model/index.ts';
import { wrongShape } from '../../../src/sources/files/files-shapes.ts';
import { isFailure, openRoot, realFiles } from '../../../src/sources/node/root.ts';
import { canary, collect, collectAt, identity, isRoot, kubeadm, kubeletConfiguration, makeRoot, trees } from './given.ts';

const text = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString() : value);

describe('links', () => {
  // What the link would lead to if the machine's own root counted.
  const outside = makeRoot({ '/secret': canary });
  const root = makeRoot({
    '/etc/absolute': { link: '/etc/real' },
    '/etc/real': 'inside',
    '/etc/up': { link: '../../../../../../etc/real' },
    '/etc/out': { link: `${outside}/secret` },
    '/etc/out-dir': { link: outside },
    '/etc/loop': { link: '/etc/loop2' },
    '/etc/loop2': { link: 'loop' },
    '/etc/self': { link: 'self' },
    '/link-dir': { link: 'etc' },
    '/chain': { link: '/link-dir/absolute' },
  });
  const opened = openRoot(root);

  test.each<[string, unknown]>([
    ['/etc/real', 'inside'],
    ['/etc/absolute', 'inside'],
    ['/etc/up', 'inside'],
    ['/link-dir/real', 'inside'],
    ['/chain', 'inside'],
    ['/../../etc/real', 'inside'],
    ['/etc/out', { reason: 'absent', detail: 'ENOENT', leadsTo: `${outside}/secret` }],
    ['/etc/out-dir/secret', { reason: 'absent', detail: 'ENOENT' }],
    ['/etc/loop', { reason: 'error', detail: 'ELOOP: its links run in a circle' }],
    ['/etc/self', { reason: 'error', detail: 'ELOOP: its links run in a circle' }],
    ['/etc/real/below', { reason: 'absent', detail: 'ENOTDIR' }],
    ['/nothing', { reason: 'absent', detail: 'ENOENT' }],
    ['/etc', { reason: 'error', detail: 'it is no regular file' }],
  ])('%s', (path, expected) => expect(text(opened.read(path, 100))).toEqual(expected));

  test('a link is told by its last part alone', () => {
    const found = (path: string) => {
      const result = opened.find(path);
      return isFailure(result) ? null : [result.path, result.isLink];
    };
    expect(found('/etc/absolute')).toEqual(['/etc/real', true]);
    expect(found('/link-dir/real')).toEqual(['/etc/real', false]);
    expect(found('/link-dir/absolute')).toEqual(['/etc/real', true]);
    expect(found('/')).toEqual(['/', false]);
  });

  test('any links and any path: what is read lies inside', () => {
    const part = fc.constantFrom('a', 'b', 'c', '..', '.', '');
    const links = fc.array(fc.tuple(fc.array(part, { maxLength: 4 }), fc.boolean()), { maxLength: 5 });
    fc.assert(
      fc.property(links, fc.array(part, { maxLength: 6 }), (targets, path) => {
        const inside = makeRoot({ '/file': 'x' });
        for (const [index, [target, absolute]] of targets.entries()) {
          const at = join(inside, ...['a', 'b', 'c', 'a/b', 'b/c'].slice(index, index + 1));
          try {
            mkdirSync(dirname(at), { recursive: true });
            symlinkSync(`${absolute ? '/' : ''}${target.join('/')}` || '.', at);
          } catch {
            // Its parent is a link already.
          }
        }
        const seen: string[] = [];
        const watched = openRoot(inside, {
          ...realFiles,
          lstat: (each) => (seen.push(each), realFiles.lstat(each)),
          open: (each) => (seen.push(each), realFiles.open(each)),
        });
        watched.read(`/${path.join('/')}`, 10);
        for (const each of seen) expect(each === inside || each.startsWith(`${inside}/`)).toBe(true);
        for (const each of seen) expect(each).not.toContain('..');
      }),
      { numRuns: 60 },
    );
  });
});

test('FIFOs and directories are looked at, never opened', () => {
  const opened: string[] = [];
  const watch = { ...realFiles, open: (path: string) => (opened.push(path), realFiles.open(path)) };
  const tree = {
    ...kubeadm,
    '/etc/kubernetes/admin.conf': { fifo: true },
    '/etc/kubernetes/pki/apiserver.crt': { fifo: true },
    '/etc/default/kubelet': { fifo: true },
    '/etc/kubernetes/manifests/fifo.yaml': { fifo: true },
  } as const;
  const { document, unread } = collect(tree, { files: watch });
  const types = listAt(document, 'files').map((entry) => [textAt(entry, 'path'), textAt(entry, 'type')]);
  expect(types).toContainEqual(['/etc/kubernetes/admin.conf', 'other']);
  expect(unread.map(({ path }) => path).sort()).toEqual(['/etc/default/kubelet', '/etc/kubernetes/manifests/fifo.yaml']);
  expect(opened.filter((path) => /admin\.conf|apiserver\.crt|default\/kubelet|fifo/.test(path))).toEqual([]);
});

test('sizes have a bound, also where a file does not say its size', () => {
  const root = openRoot(makeRoot({ '/big': 'x'.repeat(1001) }));
  expect(root.read('/big', 1000)).toEqual({ reason: 'error', detail: 'it is larger than 1000 bytes' });
  expect(root.read('/big', 1001)).toHaveLength(1001);
  const { unread } = collect({ ...kubeadm, '/var/lib/kubelet/config.yaml': ' '.repeat(2_000_000) });
  expect(unread).toContainEqual(expect.objectContaining({ what: 'kubelet-config', reason: 'error' }));
});

test.runIf(!isRoot)('what may not be read says so', () => {
  const { unread } = collect({ ...kubeadm, '/etc/kubernetes/audit/policy.yaml': { text: 'x', mode: 0 } });
  expect(unread).toContainEqual(expect.objectContaining({ what: 'audit-policy', reason: 'forbidden' }));
});

test('an error of the system at any call is told, and never ends the reading', () => {
  const root = makeRoot(kubeadm);
  for (const call of ['lstat', 'names', 'open', 'readlink', 'read', 'fstat'] as const) {
    for (const code of ['EACCES', 'EIO']) {
      const failing = {
        ...realFiles,
        [call]: (path: unknown, ...rest: unknown[]) => {
          // The root and its etc must be there for a node to be read at all.
          if (call !== 'lstat' || /kubelet|pki/.test(String(path))) throw Object.assign(new Error(code), { code });
          return (realFiles[call] as (...all: unknown[]) => unknown)(path, ...rest);
        },
      };
      const { document, unread, unreadable } = collectAt(root, { files: failing, name: 'n' });
      expect(textAt(document, 'kind')).toBe('NodeEvidence');
      // Links are few; without them little is missing.
      expect(unread.length + unreadable.length).toBeGreaterThan(call === 'readlink' ? -1 : 0);
      for (const { reason } of unread) expect(['forbidden', 'error', 'absent']).toContain(reason);
    }
  }
});

test('names that would act elsewhere stay text', () => {
  const evil = '/etc/cni/net.d/\u001b[2J\u202eevil\n.conf';
  const { document } = collect({ ...kubeadm, [evil]: 'x' });
  expect(listAt(document, 'files').map((entry) => textAt(entry, 'path'))).toContain(evil);
  expect(canonicalize(document)).not.toContain('\u001b');
});

test('a path that a program is told is no pattern', () => {
  const { document } = collect({
    ...identity,
    '/usr/lib/systemd/system/kubelet.service': '[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/home/*/secret\n',
    '/home/a/secret': canary,
  });
  expect(listAt(document, 'files')).toContainEqual({ role: 'kubelet-kubeconfig', path: '/home/*/secret', type: 'absent' });
  expect(canonicalize(document)).not.toContain('/home/a');
});

test('a directory of very many files is cut, and says so', () => {
  const many = {
    ...realFiles,
    names: (path: string, limit: number) =>
      path.endsWith('/cbr0')
        ? Array.from({ length: Math.min(limit, 50_000) }, (_, index) => `10.0.${index >> 8}.${index & 255}`)
        : realFiles.names(path, limit),
    lstat: (path: string) => realFiles.lstat(path.replace(/(\/cbr0)\/.*/, '$1/10.0.0.9')),
  };
  const { document, unread } = collect(kubeadm, { files: many });
  const count = listAt(document, 'files').filter((entry) => textAt(entry, 'role') === 'cni-networks').length;
  expect(count).toBe(10_000);
  expect(unread).toContainEqual(expect.objectContaining({ what: 'cni-networks', reason: 'error' }));
});

describe('hostile content', () => {
  const places = [
    '/var/lib/kubelet/config.yaml',
    '/etc/kubernetes/kubelet.conf',
    '/etc/kubernetes/admin.conf',
    '/etc/kubernetes/manifests/kube-apiserver.yaml',
    '/etc/kubernetes/audit/policy.yaml',
    '/etc/kubernetes/enc/config.yaml',
    '/etc/kubernetes/pki/ca.crt',
    '/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf',
    '/var/lib/kubelet/kubeadm-flags.env',
    '/etc/passwd',
    '/etc/os-release',
    '/proc/700/cmdline',
    '/proc/700/status',
    '/etc/rancher/k3s/config.yaml',
  ] as const;
  const whole = (path: string) => {
    const entry = { ...trees['k3s'], ...kubeadm }[path];
    return typeof entry === 'string' ? entry : '';
  };

  test('files that were cut, bytes in between, or anything at all: a document, or the name alone is missing', () => {
    const content = (path: string) =>
      fc.oneof(
        fc.nat(whole(path).length).map((end) => whole(path).slice(0, end)),
        fc
          .tuple(fc.nat(whole(path).length), fc.string({ unit: 'binary', maxLength: 20 }))
          .map(([at, more]) => whole(path).slice(0, at) + more + whole(path).slice(at)),
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('a: &a [*a]', '[[[[[[[[', '{"a":', '\0', '---\n'.repeat(50), 'a: !!js/function x', '%YAML 9.9\n---\na'),
      );
    const roots = { kubeadm: makeRoot(kubeadm), k3s: makeRoot(trees['k3s'] ?? {}) };
    fc.assert(
      fc.property(
        fc.constantFrom(...places).chain((path) => fc.tuple(fc.constant(path), content(path))),
        ([path, bytes]) => {
          const root = path.includes('k3s') ? roots.k3s : roots.kubeadm;
          writeFileSync(join(root, path), bytes);
          try {
            const { document } = collectAt(root, { name: 'node-1' });
            const text = canonicalize(document);
            expect(text).not.toContain(canary);
            expect(text).not.toContain('PRIVATE KEY');
            expect(wrongShape(document, 'node.kubevidence.io', 'NodeEvidence')).toBeUndefined();
          } finally {
            writeFileSync(join(root, path), whole(path));
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each<[string, string]>([
    [
      'aliases that expand',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name, index) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefg'[index]}`).join(',')}]`).join('\n')}`,
    ],
    ['nesting', '['.repeat(20_000)],
    ['keys of prototypes', kubeletConfiguration().replace('{', '{"__proto__": {"readOnlyPort": 1}, "constructor": 1, ')],
  ])('%s', (_name, content) => {
    const { document } = collect({ ...kubeadm, '/var/lib/kubelet/config.yaml': content });
    expect(textAt(document, 'kind')).toBe('NodeEvidence');
  });
});
