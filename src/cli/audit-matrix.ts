/** `audit matrix`: events as rows, callers as columns, and below it what is wrong with the policy, worst first. */
import type { AuditMatrixReport } from '../app/index.ts';
import { auditMatrix } from '../app/index.ts';
import type { Level } from '../audit/index.ts';
import { clip } from '../model/index.ts';
import { noteRemarks } from './audit.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action } from './session.ts';
import { columnsOf, plural, type Terminal, wrap } from './terminal.ts';

interface MatrixOptions {
  readonly policy: string;
  readonly output: string;
}

export const matrixAction: Action<MatrixOptions> = async ({ app, terminal }, { policy, output }) => {
  const format = checkFormat(output, ['table', 'json', 'yaml']);
  const report = await auditMatrix(app, policy);
  if (format === 'table') printMatrix(terminal, report);
  else printDocument(terminal, format, report);
  noteRemarks(terminal, policy, report.remarks);
  return 0;
};

const short: Readonly<Record<Level, string>> = { None: 'None', Metadata: 'Meta', Request: 'Req', RequestResponse: 'Full' };
/** Heads of columns in a terminal of 80. */
const heads: Readonly<Record<AuditMatrixReport['columns'][number]['id'], string>> = {
  person: 'Person',
  clusterAdmin: 'Masters',
  workload: 'Workload',
  platform: 'kube-sys',
  node: 'Node',
  anonymous: 'Nobody',
};
const titleWidth = 27;
const requestsShown = 3;

type Cell = AuditMatrixReport['rows'][number]['cells'][number];

function printMatrix(terminal: Terminal, { policy, columns, rows, mistakes }: AuditMatrixReport): void {
  const lines = rows.flatMap(({ title, cells }) => {
    const [first = '', ...more] = wrap(title, titleWidth, '', 0).split('\n');
    return [[first, ...cells.map(cellText)], ...more.map((line) => [line])];
  });
  for (const line of columnsOf([['', ...columns.map(({ id }) => heads[id])], ...lines])) terminal.print(line);
  terminal.print();
  const say = (text: string, indent = '  ') => terminal.print(indent + wrap(text, terminal.columns, `${indent}  `, indent.length));
  say(
    'Meta(data), Req(uest), Full: RequestResponse. A number is the rule that decides, 0 none; + more for some of the requests, ~ less for some callers, namespaces or names.',
  );
  for (const { kind, rule, level, whom, events, requests, instead } of mistakes) {
    const where = rule === null ? 'no rule' : `rule ${rule + 1} (line ${policy.rules[rule]?.line ?? 0})`;
    const some = whom === 'some' ? ' for some' : '';
    const told = {
      bodies: `▲ ${where} writes bodies to the log (${level})${some}`,
      hidden: `▲ ${where} records nothing${some}, and hides rule ${(instead?.rule ?? 0) + 1} (${instead?.level ?? ''})`,
      unrecorded: rule === null ? `○ no rule matches${some}: not recorded` : `○ ${where} records nothing${some}, nor does a later one`,
    }[kind];
    terminal.print();
    say(told);
    const more = requests.length - requestsShown;
    say(clip(events.join('; '), 400), '    ');
    say(`${requests.slice(0, requestsShown).join(', ')}${more > 0 ? ` and ${plural(more, 'more request')}` : ''}`, '    ');
  }
  terminal.print();
  terminal.print(`  kubevidence audit simulate --policy ${clip(policy.file, 200)} --verb get --resource secrets`);
}

/** `Meta 5`, `None 1+`, `Full 4~`. */
function cellText(cell: Cell): string {
  if (cell === null) return '-';
  const rule = cell.parts.find(({ whom, level }) => whom === 'all' && level === cell.lowest)?.rule ?? null;
  const more = cell.highest === cell.lowest ? '' : '+';
  return `${short[cell.lowest]} ${rule === null ? 0 : rule + 1}${more}${cell.lowestForSome === null ? '' : '~'}`;
}
