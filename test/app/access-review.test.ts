/** An access review as people do it: exported, filled (also by LibreOffice), imported whole or not at all, recorded, followed up, judged. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type exceljs from 'exceljs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assessCommand, collectFiles, exportReview, importReview, loadConfig, reviewStatus } from '../../src/app/index.ts';
import { exportAction, importAction, statusAction } from '../../src/cli/access-review.ts';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { decideAll, edit } from '../reporting/review-given.ts';

const directory = mkdtempSync(join(tmpdir(), 'review-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let now = Date.now();
const context = {
  cwd: directory,
  env: { HOME: directory, USER: 'ada' },
  clock: () => new Date((now += 1000)),
  uid: null,
  warn: () => {},
  progress: () => {},
};
const path = (name: string) => join(directory, name);
writeFileSync(
  path('kubevidence.yaml'),
  'organization: Clinic\nframeworks: [hipaa-security-rule]\nclusters: [{name: prod, directory: manifests}]\n',
  {
    mode: 0o600,
  },
);
const config = loadConfig({ cwd: directory, uid: null });

const hostile = `eve'; rm -rf /\u202e=cmd`;
const user = (name: string) => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name });
const group = 'rbac.authorization.k8s.io';
function bind(name: string, role: string, names: readonly string[], namespace = '') {
  return {
    apiVersion: `${group}/v1`,
    kind: namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: namespace === '' ? { name } : { name, namespace },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: role },
    subjects: names.map(user),
  };
}
const role = (name: string, rules: readonly object[]) => ({ apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata: { name }, rules });
const everything = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };
const pods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const base = {
  // One of each kind: among files, a kind without an object counts as not read.
  roles: [
    role('cluster-admin', [everything]),
    role('view', [pods]),
    { ...role('nothing', []), kind: 'Role', metadata: { name: 'nothing', namespace: 'shop' } },
    { ...bind('cluster-admin', 'cluster-admin', []), subjects: [{ kind: 'Group', apiGroup: group, name: 'system:masters' }] },
    bind('empty', 'view', [], 'shop'),
  ],
  namespace: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { owner: 'team-web' } } },
  friday: bind('friday', 'cluster-admin', ['alice']),
  shop: bind('shop', 'view', ['bob', hostile], 'shop'),
};
/** The subjects, in the order of the workbook's rows. */
const subjects = ['alice', 'bob', hostile];

async function collect(objects: readonly object[]): Promise<number> {
  rmSync(path('manifests'), { recursive: true, force: true });
  mkdirSync(path('manifests'));
  writeFileSync(path('manifests/all.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  const [cluster] = config.clusters;
  if (cluster === undefined) throw new Error('no cluster');
  await collectFiles(context, { config, cluster, files: [], record: null, dryRun: false }, path('manifests'));
  // The worker has the machine's clock; the story goes on after it.
  now = Math.max(now, Date.now());
  return withLedger((ledger) => ledger.runs('prod').length);
}

function withLedger<T>(read: (ledger: ReturnType<typeof openLedger>) => T): T {
  const ledger = openLedger({ path: config.ledgerPath, mode: 'read', clock: context.clock });
  try {
    return read(ledger);
  } finally {
    ledger.close();
  }
}

const rowOf = (sheet: exceljs.Worksheet, binding: string, subject: RegExp): number => {
  for (let row = 2; row <= sheet.rowCount; row++)
    if (sheet.getCell(`H${row}`).text.includes(binding) && subject.test(sheet.getCell(`C${row}`).text)) return row;
  throw new Error(`no row of ${binding}`);
};
/** A day that is neither before the snapshot nor in the future. */
const today = () => new Date(`${new Date(now).toISOString().slice(0, 10)}T00:00:00Z`);
async function fill(from: string, to: string, change: (sheet: exceljs.Worksheet) => void = () => {}): Promise<void> {
  const filled = await edit(readFileSync(path(from)), (sheet) => {
    decideAll(sheet);
    for (let row = 2; row <= sheet.rowCount; row++) sheet.getCell(`N${row}`).value = today();
    change(sheet);
  });
  writeFileSync(path(to), filled);
}

const judged = async (control: string) => (await assessCommand(context, {})).assessment.controls.find(({ id }) => id === control);

beforeAll(async () => {
  await collect([...base.roles, base.namespace, bind('shop', 'view', ['bob'], 'shop')]);
  await collect([...base.roles, base.namespace, base.friday, base.shop]);
}, 30_000);

describe('an access review', () => {
  it('goes out with what people have to know, and changes nothing', async () => {
    expect(await judged('REV-001')).toMatchObject({ outcome: 'manual' });
    const before = withLedger((ledger) => ledger.status().records);
    const report = await exportReview(context, config, { out: 'review.xlsx' });
    expect(report).toMatchObject({
      cluster: 'prod',
      run: 2,
      rows: 3,
      risks: { high: 1, low: 2 },
      owners: 2,
      builtin: 1,
      preparer: 'ada',
      missing: '',
    });
    expect(withLedger((ledger) => ledger.status().records)).toBe(before);
    await edit(readFileSync(path('review.xlsx')), (sheet) => {
      const row = (number: number) => (sheet.getRow(number).values as exceljs.CellValue[]).slice(1, 9);
      expect(row(2)).toEqual([
        '(cluster-wide)',
        '▲ high',
        'alice',
        'user',
        'everything: every verb on every resource',
        'cluster-wide',
        'cluster-wide',
        'ClusterRoleBinding/friday → ClusterRole/cluster-admin',
      ]);
      expect(row(3).slice(0, 3)).toEqual(['team-web', '– low', 'bob']);
      expect(sheet.getCell('C4').value).toBe(subjects[2]?.replace('\u202e', '\\u{202e}'));
      // Bob was there in the first run, alice only in the second.
      expect([sheet.getCell('I2').numFmt, sheet.getCell('I3').numFmt]).toEqual(['yyyy-mm-dd', '"by "yyyy-mm-dd']);
      expect(sheet.getCell('K2').value).toBe('none');
    });
  });

  it('is refused under the name of who prepared it, also in a row', async () => {
    await fill('review.xlsx', 'filled.xlsx');
    await expect(importReview(context, config, 'filled.xlsx', { reviewer: ' ADA ' })).rejects.toThrow(/prepared this review/);
    await expect(importReview(context, config, 'filled.xlsx', { reviewer: 'Bob', preparer: 'bob' })).rejects.toThrow(
      /prepared this review/,
    );
    await expect(importReview(context, config, 'filled.xlsx', { reviewer: 'Ada', preparer: 'Someone' })).rejects.toThrow(/prepared/);
    await fill('review.xlsx', 'own.xlsx', (sheet) => void (sheet.getCell('M3').value = 'Ada'));
    await expect(importReview(context, config, 'own.xlsx', { reviewer: 'Grace' })).rejects.toThrow(/Ada prepared this review/);
  });

  it('is refused whole when one cell was changed, with its place, or when it is of another ledger', async () => {
    const before = withLedger((ledger) => ledger.status().records);
    await fill('review.xlsx', 'changed.xlsx', (sheet) => void (sheet.getCell('C3').value = 'mallory'));
    const refused = await importReview(context, config, 'changed.xlsx', { reviewer: 'Grace' });
    expect(refused).toMatchObject({ imported: false, record: null, commands: [], changed: null });
    expect(refused.problems).toMatchObject([{ kind: 'tampered', sheet: 'Access review', row: 3, column: 'C (Subject)' }]);
    const origin = (row: number, value: string) => async () => {
      const file = await edit(
        readFileSync(path('review.xlsx')),
        (_, book) => void (book.getWorksheet('Origin')!.getCell(`B${row}`).value = value),
      );
      writeFileSync(path('origin.xlsx'), file);
      return importReview(context, config, 'origin.xlsx', { reviewer: 'Grace' });
    };
    const integrity = [
      [4, 'another-uid', /another cluster/],
      [5, '1', /another cluster, or at another time/],
      [5, '9', /no snapshot of run 9/],
      [5, 'x', /run is no number/],
      [8, '1', /a checkpoint that this log does not extend/],
      [8, '99999', /a checkpoint that this log does not extend/],
      [9, 'AAAA', /a checkpoint that this log does not extend/],
      [10, '2', /another digest/],
      [11, 'ab'.repeat(32), /another digest/],
      [12, 'yes', /another digest/],
      [12, 'perhaps', /which grants it holds/],
      [13, '{}', /which labels name owners/],
    ] as const;
    for (const [row, value, message] of integrity)
      await expect(origin(row, value)()).rejects.toMatchObject({ code: 'integrity', message: expect.stringMatching(message) });
    await expect(origin(3, 'elsewhere')()).rejects.toMatchObject({ code: 'usage' });
    await expect(importReview(context, config, 'nothing.xlsx', { reviewer: 'Grace' })).rejects.toMatchObject({ code: 'usage' });
    await expect(importReview(context, config, 'manifests', { reviewer: 'Grace' })).rejects.toMatchObject({ code: 'usage' });
    await expect(importReview(context, config, 'kubevidence.yaml', { reviewer: 'Grace' })).rejects.toMatchObject({ code: 'input' });
    expect(withLedger((ledger) => ledger.status().records)).toBe(before);
  });

  it('is refused while rows are open, unless they may be, and a later import completes it', { timeout: 20_000 }, async () => {
    const open = (sheet: exceljs.Worksheet) => void (sheet.getCell('L3').value = null);
    await fill('review.xlsx', 'open.xlsx', open);
    const refused = await importReview(context, config, 'open.xlsx', { reviewer: 'Grace' });
    expect(refused).toMatchObject({ imported: false, decisions: { keep: 2, open: 1 }, open: ['User/bob through RoleBinding/shop/shop'] });
    const partial = await importReview(context, config, 'open.xlsx', { reviewer: 'Grace', partial: true });
    expect(partial).toMatchObject({ imported: true, decisions: { keep: 2, revoke: 0, change: 0, open: 1 } });
    // The other owner's workbook: what it leaves open keeps the decision.
    await fill('review.xlsx', 'rest.xlsx', (sheet) => {
      for (const row of [2, 4]) sheet.getCell(`L${row}`).value = null;
      sheet.getCell('M3').value = 'Heidi';
    });
    const whole = await importReview(context, config, 'rest.xlsx', { reviewer: 'Heidi' });
    expect(whole).toMatchObject({ imported: true, decisions: { keep: 3, open: 0 } });
    expect((await reviewStatus(context, config, undefined)).reviews).toMatchObject([
      { decisions: { open: 0 }, reviewers: ['Heidi', 'Grace'], preparer: 'ada', complete: true },
      { decisions: { open: 1 }, reviewers: ['Grace'] },
    ]);
  });

  it('says what changed since, imports nothing then, and what is the same is taken over', { timeout: 30_000 }, async () => {
    await collect([
      ...base.roles,
      base.namespace,
      bind('friday', 'cluster-admin', ['alice', 'carol']),
      bind('shop', 'view', ['bob'], 'shop'),
    ]);
    await fill('review.xlsx', 'filled.xlsx', (sheet) => void (sheet.getCell(`L${rowOf(sheet, 'friday', /alice/)}`).value = 'revoke'));
    const stale = await importReview(context, config, 'filled.xlsx', { reviewer: 'Grace' });
    expect(stale).toMatchObject({ imported: false, problems: [], changed: { run: 3 } });
    expect(stale.changed?.differences.map(({ change }) => change)).toEqual(['removed', 'added']);
    expect(stale.changed?.differences[1]?.text).toMatch(
      /^User\/carol through ClusterRoleBinding\/friday .* is new \(high: cluster-wide\)$/,
    );
    const again = await exportReview(context, config, { out: 'again.xlsx', carry: 'filled.xlsx' });
    expect(again).toMatchObject({ run: 3, rows: 3, carried: { taken: 2, left: 1 } });
    const open = await importReview(context, config, 'again.xlsx', { reviewer: 'Grace' });
    expect(open).toMatchObject({
      imported: false,
      open: ['User/carol through ClusterRoleBinding/friday'],
      decisions: { keep: 1, revoke: 1, open: 1 },
    });
    await fill('again.xlsx', 'again-filled.xlsx', (sheet) => {
      expect(sheet.getCell(`K${rowOf(sheet, 'friday', /alice/)}`).text).toMatch(/^keep: Grace, \d{4}-/);
      sheet.getCell(`L${rowOf(sheet, 'friday', /alice/)}`).value = 'revoke';
      sheet.getCell(`L${rowOf(sheet, 'shop', /bob/)}`).value = 'change';
    });
    const imported = await importReview(context, config, 'again-filled.xlsx', { reviewer: 'Grace' });
    expect(imported).toMatchObject({ imported: true, decisions: { keep: 1, revoke: 1, change: 1, open: 0 } });
    expect(imported.notes.join()).toMatch(/not to what: 1/);
    const command = imported.commands[0]?.command ?? '';
    expect(imported.commands).toHaveLength(1);
    expect(command).toContain('patch clusterrolebinding.rbac.authorization.k8s.io/friday --type=json');
    expect(command).toContain('{"op":"remove","path":"/subjects/0"}');
  });

  it('is followed up by the snapshots after it, and judged', { timeout: 30_000 }, async () => {
    const states = async () => (await reviewStatus(context, config, undefined)).rows.map(({ subject, state }) => `${subject} ${state}`);
    expect(await states()).toEqual(['User/alice stillThere', 'User/bob stillThere']);
    await collect([
      ...base.roles,
      base.namespace,
      bind('friday', 'cluster-admin', ['alice']),
      bind('shop', 'cluster-admin', ['bob'], 'shop'),
    ]);
    expect(await states()).toEqual(['User/alice stillThere', 'User/bob changed']);
    expect((await reviewStatus(context, config, undefined)).commands).toHaveLength(1);
    expect(await judged('REV-001')).toMatchObject({ outcome: 'pass', population: { size: 1 } });
    expect(await judged('REV-002')).toMatchObject({ outcome: 'pass', population: { size: 1 } });
    await collect([...base.roles, base.namespace, bind('shop', 'view', ['bob'], 'shop')]);
    expect(await states()).toEqual(['User/bob stillThere', 'User/alice done']);
    const stored = withLedger((ledger) => JSON.stringify([...ledger.snapshot('prod', 5).objects('kubevidence.ledger/reviews')]));
    expect(stored).toContain('"reviewedByAnother":true');
    expect(stored).not.toMatch(/alice|Grace|"ada"/);
    expect(verifyLedger(config.ledgerPath)).toMatchObject({ ok: true, problems: [] });
  });
});

describe('the commands', () => {
  const run = async (
    action: (session: never, options: never, args: readonly string[]) => Promise<number>,
    options: object,
    args: string[] = [],
  ) => {
    const lines: string[] = [];
    const write = (text = '') => void lines.push(text);
    const terminal = { columns: 80, print: write, note: write, status: () => {}, style: (_: unknown, text: string) => text };
    const session = { app: context, terminal } as never;
    const code = await action(session, { output: 'table', ...options } as never, args);
    return { code, text: lines.join('\n') };
  };

  it('say in few words what was done, what not, and what to type next', { timeout: 20_000 }, async () => {
    const exported = await run(exportAction, { out: 'cli.xlsx' });
    expect(exported).toMatchObject({ code: 0, text: expect.stringContaining('kubevidence access review import cli.xlsx --reviewer NAME') });
    await fill('cli.xlsx', 'cli-changed.xlsx', (sheet) => {
      sheet.getCell('C2').value = hostile;
      sheet.getCell('N2').value = 'soon';
    });
    const refused = await run(importAction, { reviewer: 'Grace' }, ['cli-changed.xlsx']);
    expect(refused.code).toBe(4);
    expect(refused.text).toMatch(
      /nothing was imported from cli-changed\.xlsx\.\n {2}Access review, row 2, column C \(Subject\): it is locked/,
    );
    expect(refused.text).not.toContain('\u202e');
    await fill('cli.xlsx', 'cli-day.xlsx', (sheet) => void (sheet.getCell('N2').value = 'soon'));
    expect(await run(importAction, { reviewer: 'Grace' }, ['cli-day.xlsx'])).toMatchObject({ code: 2 });
    await fill('cli.xlsx', 'cli-filled.xlsx', (sheet) => void (sheet.getCell('L2').value = 'revoke'));
    const imported = await run(importAction, { reviewer: 'Grace' }, ['cli-filled.xlsx']);
    expect(imported.code).toBe(0);
    expect(imported.text).toMatch(
      /Nothing was changed\. For the revokes, a person reads and runs:\n {2}kubectl delete --namespace=shop rolebinding/,
    );
    const status = await run(statusAction, {});
    expect(status.text).toMatch(/still there {5}revoke {2}User\/bob through RoleBinding\/shop\/shop/);
    expect(JSON.parse((await run(statusAction, { output: 'json' })).text)).toMatchObject({ schema: 'kubevidence/access-review-status/v1' });
    expect(JSON.parse((await run(importAction, { reviewer: 'Grace', output: 'json' }, ['cli-filled.xlsx'])).text)).toMatchObject({
      imported: true,
    });
  });
});

const office = ['/usr/bin/soffice', '/opt/homebrew/bin/soffice', '/Applications/LibreOffice.app/Contents/MacOS/soffice'].find((each) =>
  existsSync(each),
);
const convert = (to: string, into: string, ...files: readonly string[]) =>
  execFileSync(
    office ?? '',
    ['--headless', `-env:UserInstallation=file://${path('office')}`, '--convert-to', to, '--outdir', into, ...files],
    {
      stdio: 'pipe',
      timeout: 90_000,
    },
  );

describe.skipIf(office === undefined)(`through LibreOffice${office === undefined ? ' (not installed: skipped)' : ''}`, () => {
  it('opened, filled, saved, imported: decisions come back, changes are named', { timeout: 120_000 }, async () => {
    await collect([...base.roles, base.namespace, base.friday, base.shop]);
    await exportReview(context, config, { out: 'office.xlsx' });
    // Flat ODF is the document that LibreOffice itself holds: filling its cells there needs no macro.
    convert('fods', path('flat'), path('office.xlsx'));
    const flat = readFileSync(path('flat/office.fods'), 'utf8');
    const [head = '', ...rest] = flat.split(/(?=<table:table table:name=)/);
    const sheet = rest.findIndex((each) => each.startsWith('<table:table table:name="Access review"'));
    const day = new Date(now).toISOString().slice(0, 10);
    const text = (value: string) => `<table:table-cell office:value-type="string"><text:p>${value}</text:p></table:table-cell>`;
    const date = `<table:table-cell office:value-type="date" office:date-value="${day}"><text:p>${day}</text:p></table:table-cell>`;
    const decide = (table: string, decisionOf: (row: string) => string) =>
      table.replace(/<table:table-row [^>]*>(?:(?!<\/table:table-row>)[\s\S])*[0-9a-f]{64}[\s\S]*?<\/table:table-row>/g, (row) => {
        // The four empty cells before the id stand there one by one, or as one that is repeated.
        const empty = /((?:<table:table-cell [^>]*\/>\s*)+)(<table:table-cell [^>]*>\s*<text:p>[0-9a-f]{64})/;
        expect(row).toMatch(empty);
        return row.replace(empty, (_, _cells, id: string) => `${text(decisionOf(row))}${text('Grace')}${date}<table:table-cell/>${id}`);
      });
    const write = (name: string, change: (table: string) => string) => {
      const tables = rest.map((each, index) => (index === sheet ? change(each) : each));
      writeFileSync(path(`flat/${name}.fods`), [head, ...tables].join(''));
      return path(`flat/${name}.fods`);
    };
    const decisionOf = (row: string) => (row.includes('friday') ? 'revoke' : 'keep');
    const filled = write('filled', (table) => decide(table, decisionOf));
    const tampered = write('tampered', (table) => decide(table, decisionOf).replace('>alice<', '>mallory<'));
    convert('xlsx', path('back'), filled, tampered);
    expect(await importReview(context, config, 'back/tampered.xlsx', { reviewer: 'Grace' })).toMatchObject({
      imported: false,
      problems: [{ kind: 'tampered', row: 2, column: 'C (Subject)' }],
    });
    const imported = await importReview(context, config, 'back/filled.xlsx', { reviewer: 'Grace' });
    expect(imported.problems).toEqual([]);
    expect(imported).toMatchObject({ imported: true, decisions: { keep: 2, revoke: 1, change: 0, open: 0 } });
    expect((await reviewStatus(context, config, undefined)).rows.at(0)).toMatchObject({
      subject: 'User/alice',
      state: 'stillThere',
      reviewer: 'Grace',
      date: day,
    });
    await collect([...base.roles, base.namespace, base.shop]);
    expect((await reviewStatus(context, config, undefined)).rows.at(-1)).toMatchObject({ subject: 'User/alice', state: 'done' });
  });
});
