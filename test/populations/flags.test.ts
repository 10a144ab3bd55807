import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/model/index.ts';
import { agrees, readArguments, readFlagz, resolveFlags } from '../../src/populations/control-plane/flags.ts';

const scrubbed = { $scrubbed: true };
const server = (...args: Json[]) => resolveFlags('kube-apiserver', readArguments(args), null);

describe('arguments', () => {
  test.each<[string, Json[], string, string | undefined]>([
    ['the default', [], 'profiling', 'true'],
    ['with =', ['--audit-log-path=/a'], 'audit-log-path', '/a'],
    ['with an empty value', ['--client-ca-file='], 'client-ca-file', ''],
    ['with = in the value', ['--audit-log-path=/a=b'], 'audit-log-path', '/a=b'],
    ['with a space', ['--audit-log-path', '/a'], 'audit-log-path', '/a'],
    ['underscores', ['--audit_log_path=/a'], 'audit-log-path', '/a'],
    ['a bare boolean does not take the next entry', ['--profiling', 'false'], 'profiling', 'true'],
    ['a boolean in another spelling', ['--profiling=F'], 'profiling', 'false'],
    ['a boolean that Go would refuse', ['--profiling=no'], 'profiling', undefined],
    ['the last one wins', ['--audit-log-path=/a', '--audit-log-path=/b'], 'audit-log-path', '/b'],
    ['lists add up', ['--authorization-mode=Node', '--authorization-mode=RBAC'], 'authorization-mode', 'Node,RBAC'],
    ['a value that was not kept is unknown, not the default', [{ ...scrubbed, flag: 'token-auth-file' }], 'token-auth-file', undefined],
    ['also when it stands behind its flag', ['--token-auth-file', scrubbed], 'token-auth-file', undefined],
    ['a value that begins with dashes is another flag', ['--audit-log-path', '--profiling=false'], 'profiling', 'false'],
    ['things that are no text', [7, null, ['--profiling=false']], 'profiling', 'true'],
  ])('%s', (_name, args, flag, expected) => {
    expect(server(...args).flags[flag]).toBe(expected);
  });

  test.each<[string | null, string]>([
    ['1.35.4', '0'],
    ['1.36.0', '366'],
    ['2.0.0', '366'],
    [null, '0'],
  ])('audit logs are kept by default from 1.36: %s', (version, expected) => {
    expect(resolveFlags('kube-apiserver', new Map(), version).flags['audit-log-maxage']).toBe(expected);
  });

  test('a flag by a name of JavaScript is a flag', () => {
    expect(server('--constructor=1', '--__proto__=2').flags['profiling']).toBe('true');
  });
});

test('/flagz prints lists in brackets and gates with a colon', () => {
  const { lists, gates } = resolveFlags(
    'kube-apiserver',
    readFlagz({ 'authorization-mode': '[Node,RBAC]', 'enable-admission-plugins': '[]', 'feature-gates': ':A=true,:B=false' }),
    null,
  );
  expect(lists).toMatchObject({ 'authorization-mode': ['Node', 'RBAC'], 'enable-admission-plugins': [] });
  expect(gates).toEqual({ A: true, B: false });
});

describe('a process and /flagz are the same', () => {
  const flagz = resolveFlags(
    'kube-apiserver',
    readFlagz({ 'authorization-mode': '[Node,RBAC]', profiling: 'false', 'etcd-servers': '[https://a]', 'request-timeout': '1m0s' }),
    null,
  );
  test.each<[string, Json[], boolean]>([
    ['in other spellings', ['--authorization-mode=Node,RBAC', '--profiling=F', '--request-timeout=60s'], true],
    ['with a flag that is another', ['--authorization-mode=RBAC'], false],
    ['with a value that nobody knows', [{ ...scrubbed, flag: 'etcd-servers' }], false],
    ['without any flag, which could be anything', [], false],
  ])('%s', (_name, args, expected) => {
    expect(agrees(server(...args), flagz)).toBe(expected);
  });
});
