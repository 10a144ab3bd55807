/** Paths to cluster-admin as a sheet: a row for each step, so that an auditor filters by subject, technique or binding. */
import type { ReportModel } from '../../report-model.ts';
import { list, number, type SheetContent, type Value, words } from './content.ts';

const pathWords = { shortest: 'shortest', leastPrivileged: 'least privileged' } as const;

export function paths({ paths: { paths: all, gaps, cut } }: ReportModel): SheetContent {
  const taken = new Set(cut?.bindings);
  const columns = [
    ...words({ Subject: 44, Path: 12, 'Path is certain': 10 }),
    number('Step'),
    ...words({
      From: 40,
      To: 40,
      Technique: 34,
      'Technique id': 22,
      Right: 40,
      Through: 60,
      'Step is certain': 10,
      'Why only possible': 36,
    }),
    ...words({ 'In the cut that ends all paths': 30 }),
  ];
  const missing = gaps.map((gap): Value[] => [
    `NOT COMPLETE: ${gap.what} (${gap.reason})${gap.detail === null ? '' : `: ${gap.detail}`}`,
    ...columns.slice(1).map(() => null),
  ]);
  const rows = all.flatMap(({ from, kind, certain, hops }) =>
    hops.map((hop, index): Value[] => [
      from,
      pathWords[kind],
      certain ? 'yes' : 'no',
      index + 1,
      hop.from,
      hop.to,
      hop.title,
      hop.technique,
      hop.right,
      hop.through,
      hop.certain ? 'yes' : 'no',
      hop.because,
      list(hop.bindings.filter((binding) => taken.has(binding))),
    ]),
  );
  return { columns, rows: [...missing, ...rows] };
}
