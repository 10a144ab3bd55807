/** Paths to cluster-admin in the report: rows that are alike are one, shared steps are there once, and nothing leaves its place. */
import exceljs from 'exceljs';
import * as fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { lanesOf, type TreeNode, treeOf } from '../../src/reporting/formats/pdf/path-tree.ts';
import { countsText } from '../../src/reporting/formats/pdf/paths.ts';
import { buildReportModel, type PathsInput, renderPdf, renderWorkbook } from '../../src/reporting/index.ts';
import { hostile, makeInputs } from './fixture.ts';
import { manyPaths, noPaths } from './fixture-paths.ts';

const folder = mkdtempSync(join(tmpdir(), 'kubevidence-paths-'));
afterAll(() => rmSync(folder, { recursive: true }));
const poppler = spawnSync('pdftotext', ['-v']).error === undefined;

const modelOf = (paths: PathsInput) => {
  const model = buildReportModel({ ...makeInputs({ runs: 1, bindings: 1 }), paths });
  return { ...model, sections: model.sections.filter(({ id }) => id === 'paths') };
};
async function pdfOf(paths: PathsInput): Promise<string> {
  const file = join(folder, 'paths.pdf');
  writeFileSync(file, await renderPdf(modelOf(paths)));
  return file;
}
const textOf = async (paths: PathsInput) =>
  spawnSync('pdftotext', ['-raw', await pdfOf(paths), '-'], { encoding: 'utf8' }).stdout.replaceAll(/\s+/g, ' ');

const nodesOf = (node: TreeNode): readonly TreeNode[] => [node, ...node.children.flatMap(nodesOf)];

describe('rows', () => {
  test('join subjects of one kind whose paths are the same from the second step on', () => {
    const lanes = lanesOf(manyPaths.paths, 100);
    const crowd = lanes.filter(({ subjects }) => subjects.length === 42);
    expect(crowd).toHaveLength(1);
    expect(crowd[0]?.steps.map(({ to, bindings }) => [to, bindings.length])).toEqual([
      [['Node/control-plane-1'], 3],
      [['cluster-admin'], 0],
    ]);
    expect(lanes.filter(({ steps }) => steps[0]?.technique === 'exec-into-pod')).toHaveLength(7);
  });

  test('are fewer where there are too many: those that take the same techniques through other objects are one', () => {
    const lanes = lanesOf(manyPaths.paths, 8);
    const agents = lanes.find(({ subjects }) => subjects.includes('ServiceAccount/alpha/runner'));
    expect(agents).toMatchObject({ certain: true, subjects: { length: 6 }, steps: [{ to: { length: 6 } }, { to: { length: 6 } }, {}] });
  });

  test('are worst first: certain, then short, then people and groups', () => {
    const order = lanesOf(manyPaths.paths, 8).map(({ certain, steps, subjects }) => [certain, steps.length, subjects[0]?.split('/')[0]]);
    expect(order).toEqual([
      [true, 1, 'User'],
      [true, 2, 'Group'],
      [true, 2, 'Group'],
      [true, 2, 'ServiceAccount'],
      [true, 3, 'User'],
      [true, 3, 'ServiceAccount'],
      [false, 5, 'User'],
    ]);
  });

  test('hold every subject with a path exactly once', () => {
    const subjects = lanesOf(manyPaths.paths, 3).flatMap((lane) => lane.subjects);
    expect(subjects.toSorted()).toEqual([...new Set(manyPaths.paths.map(({ from }) => from))].toSorted());
  });
});

describe('the tree', () => {
  const root = treeOf(lanesOf(manyPaths.paths, 8));
  const nodes = root === null ? [] : nodesOf(root);
  const named = (state: string) => nodes.filter(({ places }) => places[0]?.states.length === 1 && places[0].states[0] === state);

  test('has what paths share once, and a group that others climb through as the start of its own', () => {
    expect(named('Node/control-plane-1')).toHaveLength(1);
    expect(named('Group/developers')).toMatchObject([{ starts: true, children: [{ places: [{ states: ['User/alice'] }] }] }]);
  });

  test('has at most three arrows in a row; more steps share a box', () => {
    expect(Math.max(...nodes.map(({ distance }) => distance))).toBe(3);
    expect(nodes.filter(({ places }) => places.length > 1)).toMatchObject([
      { places: [{ states: ['Pod/shop/web-0'] }, { states: ['ServiceAccount/shop/web'] }, {}], step: { certain: false } },
    ]);
  });

  test('of no path is none', () => {
    expect(treeOf(lanesOf([], 8))).toBeNull();
  });
});

describe('the words', () => {
  test.each([
    ['no path, all read', noPaths, 'By no right that somebody granted does a path lead to cluster-admin.'],
    [
      'no path, not all read',
      { ...noPaths, gaps: manyPaths.gaps },
      'By no right that somebody granted does a path lead to cluster-admin; that there is none is not known, as not everything was read.',
    ],
    [
      'no techniques',
      { ...noPaths, techniques: 0, gaps: manyPaths.gaps },
      'Paths to cluster-admin were not looked for; that there is none is not known, as not everything was read.',
    ],
    [
      'one path, built-in ones',
      { ...noPaths, certain: 1, builtin: 1 },
      '1 subject can climb to cluster-admin by what somebody granted, certainly. 1 subject of the control plane can by what the API server or the installer granted.',
    ],
    [
      'possible only',
      { ...noPaths, possible: 2, gaps: manyPaths.gaps },
      '2 subjects can climb to cluster-admin by what somebody granted, possibly, none certainly; there may be more, as not everything was read.',
    ],
  ])('%s', (_, paths, sentence) => {
    expect(countsText({ ...modelOf(paths).paths })).toBe(sentence);
  });
});

describe.skipIf(!poppler)('the PDF', () => {
  test('says what was found, what to remove, what was not read, and what a path is', async () => {
    const text = await textOf(manyPaths);
    expect(text).toContain(
      '54 subjects can climb to cluster-admin by what somebody granted, 53 certainly and 1 possibly; there may be more',
    );
    expect(text).toContain('As of run 168');
    expect(text).toContain('42 service accounts in 3 namespaces');
    expect(text).toContain('These 44 bindings together end the paths of 53 subjects; a smaller set may do, too:');
    expect(text).toContain('and 32 more; in the workbook');
    expect(text).toContain('forbidden: paths through tokens in Secrets <script>alert(1)</script>');
    expect(text).toContain('Searched with 54 techniques, whose texts are in the pack');
    expect(await textOf(noPaths)).not.toContain('Which bindings to remove');
  });

  test('tells the drawing to those who cannot see it', async () => {
    const bytes = Buffer.from(await renderPdf(modelOf(manyPaths))).toString('latin1');
    expect(bytes).toContain('/Alt (Solid arrows are certain, dashed ones possible.)');
    // As UTF-16, because of the ellipsis in a name.
    for (const said of [
      '42 service accounts in 3 namespaces ',
      'group developers: Create a workload ',
      'by 3 bindings, to node control-plane-1',
    ])
      expect(bytes).toContain(Buffer.from(said, 'utf16le').swap16().toString('latin1'));
    expect(bytes).toContain(Buffer.from(', which is only possible; then Hold every right', 'utf16le').swap16().toString('latin1'));
  });

  const words = async (paths: PathsInput) =>
    [
      ...spawnSync('pdftotext', ['-bbox', await pdfOf(paths), '-'], { encoding: 'utf8', maxBuffer: 1e8 }).stdout.matchAll(
        /(<page )|<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">([^<]*)/g,
      ),
    ].reduce<{ page: number; box: number[]; word: string }[]>((found, [, page, x1, y1, x2, y2, word = '']) => {
      const last = found.at(-1)?.page ?? 0;
      if (page !== undefined) found.push({ page: last + 1, box: [], word: '' });
      else found.push({ page: last, box: [x1, y1, x2, y2].map(Number), word });
      return found;
    }, []);

  /** Words that stand in one another. Boxes of words are as high as their font's lines, which are allowed to touch. */
  function overlaps(all: Awaited<ReturnType<typeof words>>): readonly string[] {
    const shown = all.filter(({ box }) => box.length === 4);
    return shown.flatMap((a, index) =>
      shown.slice(index + 1).flatMap((b) => {
        const [[ax1 = 0, ay1 = 0, ax2 = 0, ay2 = 0], [bx1 = 0, by1 = 0, bx2 = 0, by2 = 0]] = [a.box, b.box];
        const wide = Math.min(ax2, bx2) - Math.max(ax1, bx1);
        const high = Math.min(ay2, by2) - Math.max(ay1, by1);
        return a.page === b.page && wide > 0.5 && high > 3.5 ? [`${a.word} ${b.word}`] : [];
      }),
    );
  }

  test('has no text over another or outside of the margins, whatever the names and however the paths', async () => {
    const state = fc.tuple(
      fc.constantFrom('User', 'Group', 'ServiceAccount', 'Pod', 'Node', 'Secret', 'Unheard'),
      fc.constantFrom('a', 'ns/b', `ns/${hostile.long}`, hostile.unbroken, hostile.override, hostile.markup, 'c', 'd/e'),
    );
    const step = fc.record({
      to: state,
      certain: fc.boolean(),
      technique: fc.integer({ min: 1, max: 6 }),
      bindings: fc.array(fc.constantFrom('RoleBinding/ns/x', `RoleBinding/${hostile.long}`, hostile.formula), { maxLength: 4 }),
    });
    const made = fc.array(fc.tuple(state, fc.array(step, { minLength: 1, maxLength: 7 })), { minLength: 1, maxLength: 14 });
    await fc.assert(
      fc.asyncProperty(made, async (list) => {
        const paths = list.map(([[kind, name], steps]) => {
          let at = `${kind}/${name}`;
          const from = at;
          const hops = steps.map(({ to, certain, technique, bindings }, index) => {
            const next = index === steps.length - 1 ? 'cluster-admin' : to.join('/');
            const hop = {
              technique: String(technique),
              title: 'Create a workload whose pods have an account of choice '
                .repeat(technique)
                .slice(0, technique * 15)
                .trim(),
              from: at,
              to: next,
              right: '',
              through: '',
              bindings,
              certain,
              because: null,
            };
            at = next;
            return hop;
          });
          return { from, kind: 'shortest' as const, certain: steps.every(({ certain }) => certain), hops };
        });
        const all = await words({ ...noPaths, certain: list.length, paths });
        expect(overlaps(all)).toEqual([]);
        const outside = all.filter(({ box: [left = 60, , right = 60] }) => left < 56.6 || right > 595.28 - 56.6);
        expect(outside.map(({ word }) => word)).toEqual([]);
      }),
      { numRuns: 8 },
    );
    expect(overlaps(await words(manyPaths))).toEqual([]);
  }, 60_000);
});

test('the workbook has a row for every step of every path, and says first what was not read', async () => {
  const model = buildReportModel({ ...makeInputs({ runs: 1, bindings: 1 }), paths: manyPaths });
  const book = new exceljs.Workbook();
  await book.xlsx.load((await renderWorkbook(model)) as unknown as exceljs.Buffer);
  const sheet = book.getWorksheet('Paths to cluster-admin');
  if (sheet === undefined) throw new Error('no sheet');
  const rows = Array.from({ length: sheet.rowCount - 1 }, (_, index) => (sheet.getRow(index + 2).values as unknown[]).slice(1));
  expect(rows.filter(([first]) => String(first).startsWith('NOT COMPLETE: '))).toHaveLength(manyPaths.gaps.length);
  const steps = rows.slice(manyPaths.gaps.length);
  expect(steps).toHaveLength(manyPaths.paths.reduce((sum, { hops }) => sum + hops.length, 0));
  expect(steps.filter(([subject]) => subject === 'User/alice').map((row) => [row[1], row[3], row[5], row[7]])).toEqual([
    ['shortest', 1, 'Group/developers', 'impersonate-group'],
    ['shortest', 2, 'Node/control-plane-1', 'create-workload'],
    ['shortest', 3, 'cluster-admin', 'control-plane-node'],
    ['least privileged', 1, 'Group/system:masters', 'impersonate-group'],
    ['least privileged', 2, 'cluster-admin', 'masters'],
  ]);
  const marked = steps.filter((row) => row[12] === 'RoleBinding/team-0/deployers');
  expect(new Set(marked.map(([subject]) => String(subject).split('/')[1]))).toEqual(new Set(['team-0']));
});

test('what came or went in the period is told with its bounds, by the controls that say so, and what lasted is not', async () => {
  const inputs = makeInputs({ runs: 12, bindings: 1 });
  const first = buildReportModel(inputs).period?.deviations.find(({ throughout }) => !throughout);
  const opening = first?.controls[0]?.id ?? '';
  const label = (control: (typeof inputs.catalog.controls)[number]) =>
    control.id === opening ? Object.assign({}, control, { labels: { opens: 'cluster-admin' } }) : control;
  const labelled = buildReportModel({ ...inputs, catalog: { ...inputs.catalog, controls: inputs.catalog.controls.map(label) } });
  const { deviations } = labelled.period ?? { deviations: [] };
  const those = deviations.filter(({ controls }) => controls.some(({ id }) => id === opening));
  expect(labelled.paths.moved).toEqual(those.filter(({ throughout }) => !throughout).map(({ id }) => id));
  expect(labelled.paths.moved).toContain(first?.id);
  expect(buildReportModel(inputs).paths.moved).toEqual([]);
  if (!poppler) return;
  const file = join(folder, 'moved.pdf');
  writeFileSync(file, await renderPdf({ ...labelled, sections: labelled.sections.filter(({ id }) => id === 'paths') }));
  const { stdout } = spawnSync('pdftotext', ['-raw', file, '-'], { encoding: 'utf8' });
  expect(stdout).toContain('Opened or closed in the period');
  for (const id of labelled.paths.moved.slice(0, 20)) expect(stdout).toContain(id);
});
