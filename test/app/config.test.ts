import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig, loadConfigOrDefaults, pickCluster } from '../../src/app/index.ts';
import { exitCodeOf, KubevidenceError } from '../../src/model/index.ts';

const uid = process.getuid?.() ?? null;
let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'kubevidence-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

function write(text: string, name = 'kubevidence.yaml') {
  writeFileSync(join(cwd, name), text, { mode: 0o600 });
}

function failure(act: () => unknown): KubevidenceError {
  try {
    act();
  } catch (error) {
    if (error instanceof KubevidenceError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const four = 'organization: Example\nledger: sqlite:evidence/l.db\nclusters:\n  - {name: prod, context: prod-eu}\n';

describe('kubevidence.yaml', () => {
  it('is enough with four lines; paths are relative to the file', () => {
    write(four);
    const config = loadConfig({ cwd, uid });
    expect(config.ledgerPath).toBe(join(cwd, 'evidence', 'l.db'));
    expect(config.keys.log).toBe(join(cwd, 'evidence', 'keys', 'log.key'));
    expect(config).toMatchObject({ organization: 'Example', timezone: 'UTC', clusters: [{ name: 'prod', context: 'prod-eu' }], idle: [] });
  });

  it('turns collectors on', () => {
    write(`${four}collectors: {secrets: {namespaces: [a, b]}}\n`);
    expect(loadConfig({ cwd, uid }).collectors).toEqual({ secrets: { namespaces: ['a', 'b'] } });
  });

  it('says which known keys have no effect yet', () => {
    write(`${four}notify: []\n`);
    expect(loadConfig({ cwd, uid }).idle).toEqual(['notify']);
  });

  it.each([
    ['an unknown key, with the nearest known one', `${four}colectors: {}\n`, { line: 5, key: 'colectors' }],
    ['an unknown key of a cluster', 'organization: E\nclusters:\n  - name: a\n    contxt: b\n', { line: 4, key: 'clusters[0].contxt' }],
    ['a wrong type', 'organization: [1]\nclusters: [{name: a}]\n', { line: 1, key: 'organization' }],
    ['no clusters', 'organization: E\nclusters: []\n', { line: 2, key: 'clusters' }],
    ['a cluster name that cannot be a key', 'organization: E\nclusters: [{name: "../x"}]\n', { line: 2, key: 'clusters[0].name' }],
    ['a time zone that is none', `${four}timezone: Mars/Olympus\n`, { line: 5, key: 'timezone' }],
    ['a ledger that is no SQLite file', 'organization: E\nledger: postgres://x\nclusters: [{name: a}]\n', { line: 2, key: 'ledger' }],
    ['a retention that is no length of time', `${four}retention: {evidence: forever}\n`, { line: 5, key: 'retention.evidence' }],
    ['broken YAML', 'organization: E\nclusters: [\n', {}],
    ['a key twice', 'organization: E\norganization: F\nclusters: [{name: a}]\n', { line: 2 }],
  ])('refuses %s', (_what, text, place) => {
    write(text);
    const error = failure(() => loadConfig({ cwd, uid }));
    expect(exitCodeOf(error)).toBe(2);
    expect(error.place).toMatchObject({ file: join(cwd, 'kubevidence.yaml'), ...place });
  });

  it('names what was probably meant', () => {
    write(`${four}colectors: {}\n`);
    expect(failure(() => loadConfig({ cwd, uid })).next).toBe('Did you mean "collectors"?');
  });

  it('has files that join each run, relative to the file; beside a directory they are refused', () => {
    write('organization: E\nclusters: [{name: a, files: [policy.yaml, /etc/kubernetes/enc.yaml]}]\n');
    expect(loadConfig({ cwd, uid }).clusters[0]?.files).toEqual([join(cwd, 'policy.yaml'), '/etc/kubernetes/enc.yaml']);
    write('organization: E\nclusters: [{name: a, directory: d, files: [policy.yaml]}]\n');
    const { message, place } = failure(() => loadConfig({ cwd, uid }));
    expect(message).toContain('files join a live run');
    expect(place?.key).toBe('clusters[0].files');
  });

  it('refuses two clusters of one name', () => {
    write('organization: E\nclusters: [{name: a}, {name: a}]\n');
    expect(failure(() => loadConfig({ cwd, uid })).message).toContain('two clusters are named a');
  });

  it.skipIf(uid === null)('refuses one in the current directory that others can write, and takes it when it is named', () => {
    write(four);
    chmodSync(join(cwd, 'kubevidence.yaml'), 0o666);
    expect(failure(() => loadConfig({ cwd, uid })).message).toContain('can be written by others');
    expect(loadConfig({ cwd, path: 'kubevidence.yaml', uid }).organization).toBe('Example');
  });

  it('says what to do when there is none', () => {
    expect(failure(() => loadConfig({ cwd, uid })).next).toContain('kubevidence init');
    expect(loadConfigOrDefaults({ cwd, uid })).toEqual({
      controlDirs: [],
      mappingDirs: [],
      techniqueDirs: [],
      params: {},
      collectors: {},
    });
  });
});

describe('pickCluster', () => {
  it('takes the only one, and asks when there are several', () => {
    write(four);
    expect(pickCluster(loadConfig({ cwd, uid }), undefined).name).toBe('prod');
    write('organization: E\nclusters: [{name: a}, {name: b}]\n');
    const config = loadConfig({ cwd, uid });
    expect(pickCluster(config, 'b').name).toBe('b');
    expect(failure(() => pickCluster(config, undefined)).next).toBe('Name one: --cluster a|b');
    expect(failure(() => pickCluster(config, 'c')).message).toContain('no cluster c');
  });
});

describe('the time-stamping authority', () => {
  const of = (value: string) => {
    write(`${four}signing: {timestampAuthority: ${value}}\n`);
    return loadConfig({ cwd, uid }).timestampAuthority;
  };

  it('is an address, or one with the certificate and the policy that tokens must have', () => {
    expect(of('"https://tsa.example/tsr"')).toEqual({ url: 'https://tsa.example/tsr', ca: null, policy: null });
    expect(of('{url: "http://tsa.example", ca: tsa.pem, policy: 1.2.3}')).toEqual({
      url: 'http://tsa.example',
      ca: join(cwd, 'tsa.pem'),
      policy: '1.2.3',
    });
    write(four);
    expect(loadConfig({ cwd, uid }).timestampAuthority).toBeNull();
  });

  it.each([
    '"ftp://tsa.example"',
    '"tsa.example"',
    '"https://user:secret@tsa.example"',
    '{ca: x}',
    '{url: "http://a", polcy: 1.2}',
    '{url: "http://a", policy: x}',
  ])('is not %s', (value) => {
    const error = failure(() => of(value));
    expect(exitCodeOf(error)).toBe(2);
    expect(error.message).not.toContain('secret');
  });
});
