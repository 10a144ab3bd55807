/** An export says everything that the ledger proves, can be checked by hand, and becomes the same ledger again. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createHmac, hash } from 'node:crypto';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { assert, constantFrom, property, string, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultRetention, exportLedger, importLedger, type Ledger, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { escapeText, parseTextLine, unescapeText } from '../../src/ledger/exchange/export-format.ts';
import { type Assessment, canonicalize, type EvidenceObject, KubevidenceError } from '../../src/model/index.ts';
import { append, attack, lastOf } from './attacks-given.ts';
import { type ReadOut, readOut } from './fixtures/read-out.ts';
import { clockFrom, collect, digest, identity, pod, pods, start } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const hostile = 'x\u0000\u001b[31m\u007f\u0085\u202e\u2028\u2066\ufeff\\u0085"\\é\u{1f600}';

/** Three runs of two clusters, labels, hostile text, an assessment, a catalog and a change of definitions. */
function fill(ledger: Ledger): void {
  const objects = Array.from({ length: 70 }, (_, index) => pod({ namespace: `ns-${index % 3}`, name: `p-${index}`, uid: `u-${index}` }));
  const odd: EvidenceObject = { ...pod({ name: 'odd', uid: 'u-odd', image: hostile }), place: { file: `${hostile}.yaml`, line: 3 } };
  collect(ledger, [...objects, odd]);
  collect(ledger, [...objects.slice(0, 60), pod({ name: 'new', uid: 'u-new' }), odd], { resourceVersion: '101' });
  collect(ledger, objects.slice(5), { resourceVersion: '102', identity: { ...identity, name: 'test' } });
  const catalogBytes = Buffer.from(canonicalize({ controls: [hostile] }));
  ledger.recordAssessment({
    cluster: 'prod',
    run: 2,
    at: '2026-08-14T12:30:00.000Z',
    toolVersion: '1',
    catalogDigest: hash('sha256', catalogBytes),
    catalogBytes,
    paramsDigest: digest,
    assessment: { controls: [{ outcome: 'fail', title: hostile }] } as unknown as Assessment,
  });
  ledger.checkpoint();
}

function exported(path: string): string {
  const out = join(dirname(path), `export-${readdirSync(dirname(path)).length}`);
  exportLedger(path, out);
  return out;
}

function imported(directory: string): string {
  const path = temporaryPath();
  importLedger(directory, path);
  return path;
}

const contents = (directory: string) =>
  Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')]));
const linesOf = (directory: string, file: string) =>
  readFileSync(join(directory, file), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

function told(path: string): ReadOut {
  const ledger = openLedger({ path, mode: 'read', clock: clockFrom() });
  const read = readOut(ledger);
  ledger.close();
  return read;
}

describe('a ledger that is exported and imported', () => {
  it('says what it said, verifies, and exports to the same bytes', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    fill(ledger);
    const list = [{ what: 'schedule', digest, value: hostile }];
    ledger.recordDefinitions({ list, texts: new Map([[digest, hostile]]), tool: 'kubevidence 0.1.0' });
    ledger.checkpoint();
    const directory = exported(path);
    const copy = imported(directory);
    expect(verifyLedger(copy)).toMatchObject({ ok: true, problems: [] });
    expect(verifyLedger(copy).counts).toEqual(verifyLedger(path).counts);
    expect(told(copy)).toEqual(told(path));
    expect(contents(exported(copy))).toEqual(contents(directory));
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    expect(readdirSync(dirname(copy)).sort()).toEqual(['export-1', 'ledger.db']);
  });

  it('goes on as the original would, cache and key included', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    const objects = Array.from({ length: 200 }, (_, index) => pod({ name: `p-${index}`, uid: `u-${index}` }));
    collect(ledger, objects);
    const copy = openForTest(imported(exported(path)));
    collect(copy, objects, { resourceVersion: '101' });
    // Nothing was stored anew.
    expect(copy.status().kinds).toMatchObject([{ kind: pods, objects: 200 }]);
    expect(verifyLedger(copy.path)).toMatchObject({ ok: true });
    expect(exported(copy.path)).not.toBe('');
  });

  it('keeps erasures as tombstones', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    fill(ledger);
    const [gone] = [...ledger.snapshot('prod', 1).objects(pods)];
    const nothing = { cluster: 'prod', objects: [], ids: [], payloads: [], persons: [], expired: false, before: null, assessments: false };
    const order = { legalBasis: 'GDPR Art. 17', requester: 'a', approver: 'b', overrideRetention: true };
    ledger.erase({ ...nothing, ids: [gone?.id ?? ''] }, defaultRetention, order);
    const [assessment] = ledger.assessments('prod', 2);
    ledger.erase({ ...nothing, payloads: [assessment?.leaf ?? 0] }, defaultRetention, order);
    ledger.checkpoint();
    const erasedIn = (directory: string, file: string) => linesOf(directory, file).filter(({ erased }) => erased === true);
    const first = exported(path);
    expect(erasedIn(first, 'objects.jsonl')).toEqual([
      { n: expect.any(Number), id: gone?.id, erased: true, cluster: 'prod', run: 1, kind: pods },
    ]);
    expect(erasedIn(first, 'payloads.jsonl')).toEqual([{ record: assessment?.leaf, id: assessment?.id, erased: true }]);
    const run = ledger.run('prod', 1)?.leaf ?? 0;
    ledger.erase({ ...nothing, payloads: [run] }, defaultRetention, order);
    ledger.checkpoint();
    const second = exported(path);
    expect(erasedIn(second, 'payloads.jsonl').map(({ record }) => record)).toEqual([run, assessment?.leaf]);
    for (const directory of [first, second]) {
      const copy = imported(directory);
      expect(verifyLedger(copy).problems).toEqual([]);
      expect(contents(exported(copy))).toEqual(contents(directory));
    }
  });

  it('may be of an older schema', () => {
    const path = join(import.meta.dirname, 'fixtures', 'schema-1.sqlite');
    const directory = join(dirname(temporaryPath()), 'export');
    exportLedger(path, directory);
    const copy = imported(directory);
    expect(told(copy)).toEqual(told(path));
    expect(contents(exported(copy))).toEqual(contents(directory));
  });
});

describe('an export', () => {
  it('has every table of a ledger, or what it is made of', () => {
    const path = temporaryPath();
    openForTest(path);
    const raw = new Database(path, { readonly: true });
    const tables = raw.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all();
    raw.close();
    const written = ['block', 'catalog', 'checkpoint', 'log', 'payload', 'reuse', 'token', 'tree'];
    // Hashes of records; how objects are compressed; pages to be swept, of which a new file has none.
    const derived = ['node', 'difference', 'unswept'];
    expect(tables).toEqual([...written, ...derived].sort());
  });

  it('is plain JSON lines without a character that controls a terminal, and every id follows from its line', () => {
    const path = temporaryPath();
    fill(openForTest(path));
    const directory = exported(path);
    for (const [name, text] of Object.entries(contents(directory))) {
      expect(text.replaceAll('\n', ''), name).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u);
      expect(text === '' || text.endsWith('\n')).toBe(true);
      expect(statSync(join(directory, name)).mode & 0o777, name).toBe(0o600);
    }
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const objects = linesOf(directory, 'objects.jsonl');
    expect(objects).toHaveLength(72 + 65);
    for (const { id, salt, object } of objects)
      expect(
        createHmac('sha256', Buffer.from(String(salt), 'hex'))
          .update(canonicalize(object))
          .digest('hex'),
      ).toBe(id);
    expect(objects.find(({ object }) => JSON.stringify(object).includes('u-odd'))?.['object']).toMatchObject({
      spec: { containers: [{ image: hostile }] },
    });
  });

  it('can be checked by hand, as its README says', () => {
    const path = temporaryPath();
    fill(openForTest(path));
    const directory = exported(path);
    const readme = readFileSync(join(directory, 'README.md'), 'utf8');
    const blocks = readme.split('\n\n').filter((part) => part.startsWith('    '));
    const [openssl = '', python = ''] = blocks.map((part) => part.replace(/^ {4}/gm, ''));
    const run = (script: string) => execFileSync('python3', ['-c', script], { cwd: directory, encoding: 'utf8' });
    expect(run(python)).toBe('objects 137\npayloads 8\ntrees 14\n');
    const [first = ''] = readFileSync(join(directory, 'objects.jsonl'), 'utf8').split('\n');
    const { id, salt, text } = parseTextLine('object', first);
    const shell = openssl.replace('TEXT', text).replace('SALT', salt);
    expect(execFileSync('sh', ['-c', shell], { encoding: 'utf8' })).toContain(id);
    const file = join(directory, 'objects.jsonl');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"nginx"', '"nginy"'));
    expect(run(python)).toBe(`does not hold: ${id}\nobjects 137\npayloads 8\ntrees 14\n`);
  });

  it('leaves out a run that has not ended', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    fill(ledger);
    const before = contents(exported(path));
    const writer = start(ledger);
    writer.put(
      pods,
      Array.from({ length: 200 }, (_, index) => pod({ name: `later-${index}` })),
    );
    const out = join(dirname(path), 'while-writing');
    expect(exportLedger(path, out)).toMatchObject({ leftOut: 1 });
    expect(contents(out)).toEqual(before);
  });

  it('is refused over anything that exists, and of a ledger that does not verify, be it that a run in it is unsigned', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    fill(ledger);
    const out = join(dirname(path), 'out');
    const refusal = () => {
      try {
        exportLedger(path, out);
      } catch (error) {
        return error instanceof KubevidenceError ? `${error.code}: ${error.message}` : error;
      }
      return 'done';
    };
    ledger.close();
    const signed = readFileSync(path);
    attack(path, (raw) => append(raw, lastOf(raw, 'run-ended').record));
    expect(refusal()).toMatch(
      /^integrity: the ledger does not verify, and is not exported: record \d+ \(run-ended\) is signed by no checkpoint/,
    );
    writeFileSync(path, signed);
    symlinkSync('nowhere', out);
    expect(refusal()).toMatch(/^usage: .* exists already/);
    const damaged = new Database(path);
    damaged.exec('DELETE FROM catalog');
    damaged.close();
    const other = join(dirname(path), 'other');
    expect(() => exportLedger(path, other)).toThrow(/does not verify, and is not exported: .*catalog/);
    expect(existsSync(other)).toBe(false);
    expect(readdirSync(dirname(path)).filter((name) => name.endsWith('.partial'))).toEqual([]);
    expect(() => exportLedger(path, join(dirname(path), 'no', 'such', 'place'))).toThrow(/verify|cannot/);
  });
});

describe('the text of a line', () => {
  it('comes back as it was, whatever is in it', () => {
    const unit = constantFrom(...Array.from(hostile), 'a', '\\', '\\u', '0085', '\u2029', '\u200f', '\u061c', '\u0080', '\u009f', '\ud7ff');
    assert(
      property(tuple(string({ unit }), string()), ([a, b]) => {
        const text = canonicalize([a, b.toWellFormed()]);
        expect(unescapeText(escapeText(text))).toBe(text);
        expect(JSON.parse(escapeText(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });
});
