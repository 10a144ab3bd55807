/**
 * The rows of one population, judged by all of its controls. To controls that read the same fields, rows that are equal in what was read of
 * them are of one kind (containers that are not privileged, say, whatever their names), and each kind is asked about once: a further row of
 * it costs no more than seeing what kind it is, however many controls there are. Budgets are charged as if each row had been asked, and nothing else is kept of a row.
 */
import { compilePredicate, toCel } from '../catalog/index.ts';
import type { Control, Finding, Row } from '../model/index.ts';
import type { Evaluation, PreparedRow } from './evaluate.ts';
import { addAlike, addRow, type Answer, noteRow, type Tally, type Verdicts } from './tally.ts';

/** What was said of a row, or of the one that stood in its place. */
export interface SaidBefore {
  /** Of the very same row; to be filled where it is not known. */
  verdicts: Verdicts | undefined;
  /** By control: answers that hold of this row too, because what they go by is the same. */
  readonly still?: readonly (Answer | undefined)[] | undefined;
}

export interface RowJudge {
  judge(row: Row, before?: SaidBefore): void;
  /** To be called after the last row: until then rows of one kind are not in the tallies. */
  end(): void;
}

/** Controls that read the same fields. */
interface Group {
  /** Of the controls, among those of the population. */
  readonly places: readonly number[];
  /** By which of the fields were read; undefined where comparing gains nothing. */
  shelves: Map<string, Shelf> | undefined;
  rows: number;
  kinds: number;
}

/** Kinds of rows of which the same fields were read. */
interface Shelf {
  readonly fields: readonly string[];
  /** By what the fields say. */
  readonly kinds: Map<unknown, Kind>;
}

interface Kind {
  /** By control of the group. */
  readonly answers: readonly Answer[];
  /** Controls that have something to say of each row. */
  readonly notable: readonly number[];
  /** Controls whose expressions take steps. */
  readonly costly: readonly number[];
  /** Those that are not in the tallies so far. */
  rows: number;
}

/** What is said of one row, by control. */
interface Said {
  readonly answers: Answer[];
  readonly findings: (Finding | null)[];
}

/** What asking the engine takes, in quick answers; and what a field takes when rows are compared. */
const [engine, perField] = [20, 3];
/** Rows after which it shows whether any are alike. */
const trial = 500;
const mostKinds = 5000;

/** Evaluations and tallies are in the order of `controls`. */
export function createRowJudge(controls: readonly Control[], evaluations: readonly Evaluation[], tallies: readonly Tally[]): RowJudge {
  let groups: readonly Group[] | undefined;
  let areAmple = evaluations.every((evaluation) => evaluation.isAmple());

  const spend = (evaluation: Evaluation, answer: Answer) => {
    evaluation.charge(answer);
    if (!evaluation.isAmple()) areAmple = false;
  };
  const tally = ({ shelves, places }: Group) => {
    for (const { kinds } of shelves?.values() ?? [])
      for (const kind of kinds.values()) {
        for (const [index, place] of places.entries()) addAlike(tallies[place] as Tally, kind.answers[index] as Answer, kind.rows);
        kind.rows = 0;
      }
  };
  const kindOf = ({ shelves }: Group, row: Row): Kind | undefined => {
    for (const { fields, kinds } of shelves?.values() ?? []) {
      const kind = kinds.get(keyOf(row, fields));
      if (kind !== undefined) return kind;
    }
    return undefined;
  };
  const keep = (group: Group, row: Row, read: ReadonlySet<string>, answers: readonly Answer[]) => {
    if (group.shelves === undefined || !areAmple) return;
    if (group.kinds >= mostKinds) {
      tally(group);
      group.shelves.clear();
      group.kinds = 0;
    }
    const [notable, costly]: [number[], number[]] = [[], []];
    for (const [index, answer] of answers.entries()) {
      if (isNotable(answer)) notable.push(index);
      if (answer.steps > 0) costly.push(index);
    }
    const fields = [...read].sort();
    let shelf = group.shelves.get(fields.join());
    if (shelf === undefined) group.shelves.set(fields.join(), (shelf = { fields, kinds: new Map() }));
    shelf.kinds.set(keyOf(row, fields), { answers, notable, costly, rows: 0 });
    group.kinds += 1;
  };
  /** Where three of four rows are of a kind of their own, looking costs more than it saves. */
  const giveUp = (group: Group) => {
    if (group.kinds <= trial * 0.75) return;
    tally(group);
    group.shelves = undefined;
  };
  /** Asks each control of the group, but for what is known of the kind or of the row that was before. */
  const judgeEach = (
    { places }: Group,
    known: (place: number, index: number) => Answer | undefined,
    row: Row,
    prepare: () => PreparedRow,
    said: Said | undefined,
    read: Set<string>,
  ): readonly Answer[] =>
    places.map((place, index) => {
      const evaluation = evaluations[place] as Evaluation;
      const given = evaluation.isAmple() ? known(place, index) : undefined;
      if (given !== undefined) evaluation.charge(given);
      const answer = given ?? evaluation.answer(prepare(), read);
      const finding = findingOf(evaluation, answer, row);
      if (!evaluation.isAmple()) areAmple = false;
      addRow(tallies[place] as Tally, row, answer, finding);
      if (said !== undefined) [said.answers[place], said.findings[place]] = [answer, finding];
      return answer;
    });
  /** The same row once more. */
  const repeat = (row: Row, { answers, findings }: Verdicts) => {
    const isAlike = isPlain(row);
    let told = 0;
    for (let place = 0; place < answers.length; place++) {
      const [answer, tally] = [answers[place] as Answer, tallies[place] as Tally];
      if (answer.steps > 0) spend(evaluations[place] as Evaluation, answer);
      const finding = answer.fails ? (findings[told++] as Finding) : null;
      if (!isAlike) addRow(tally, row, answer, finding);
      else {
        addAlike(tally, answer, 1);
        if (isNotable(answer)) noteRow(tally, row, answer, finding);
      }
    }
  };
  /** One more of a kind that was seen before. */
  const addTo = (kind: Kind, { places }: Group, row: Row) => {
    kind.rows += 1;
    for (const index of kind.costly) spend(evaluations[places[index] as number] as Evaluation, kind.answers[index] as Answer);
    for (const index of kind.notable) {
      const [place, answer] = [places[index] as number, kind.answers[index] as Answer];
      noteRow(tallies[place] as Tally, row, answer, findingOf(evaluations[place] as Evaluation, answer, row));
    }
  };

  /** A row of which not all is known. */
  const ask = (row: Row, before: SaidBefore | undefined) => {
    let prepared: PreparedRow | undefined;
    const prepare = () => (prepared ??= { row, cel: toCel(row) });
    const isAlike = before === undefined && isPlain(row);
    const said: Said | undefined = before && { answers: [], findings: [] };
    for (const group of (groups ??= open(controls))) {
      // What still holds does not say what was read.
      const still = before?.still;
      if (still !== undefined && group.places.some((place) => still[place] !== undefined)) {
        judgeEach(group, (place) => still[place], row, prepare, said, new Set());
        continue;
      }
      if (group.shelves !== undefined && ++group.rows === trial) giveUp(group);
      const kind = kindOf(group, row);
      if (kind !== undefined && isAlike && areAmple) addTo(kind, group, row);
      else {
        const read = new Set<string>();
        const answers = judgeEach(group, (_, index) => kind?.answers[index], row, prepare, said, read);
        if (kind === undefined) keep(group, row, read, answers);
      }
    }
    if (before !== undefined && said !== undefined && areAmple)
      before.verdicts = { answers: said.answers, findings: said.findings.filter((finding) => finding !== null) };
  };

  return {
    judge(row, before) {
      if (before?.verdicts !== undefined && areAmple) repeat(row, before.verdicts);
      else ask(row, before);
    },
    end() {
      for (const group of groups ?? []) tally(group);
    },
  };
}

/** Whether all there is to say of a row is what its answers count. */
function isPlain({ since, gaps }: Row): boolean {
  return since === undefined && (gaps === undefined || gaps.length === 0);
}

function isNotable({ fails, open, problems }: Answer): boolean {
  return fails || open || problems.length > 0;
}

function findingOf(evaluation: Evaluation, { fails }: Answer, row: Row): Finding | null {
  return fails ? evaluation.tell(row) : null;
}

function open(controls: readonly Control[]): readonly Group[] {
  let known = grouped.get(controls);
  if (known === undefined) grouped.set(controls, (known = groupsOf(controls)));
  return known.map(({ places, isCompared }) => ({ places, shelves: isCompared ? new Map() : undefined, rows: 0, kinds: 0 }));
}

interface Grouped {
  readonly places: readonly number[];
  readonly isCompared: boolean;
}

/** The same controls judge one part of a population after the other. */
const grouped = new WeakMap<readonly Control[], readonly Grouped[]>();

/** Controls that read whole rows are in one group that compares nothing, and so are those for which comparing costs more than asking. */
function groupsOf(controls: readonly Control[]): readonly Grouped[] {
  const byFields = new Map<string, { readonly fields: readonly string[]; readonly places: number[]; cost: number }>();
  const asked: number[] = [];
  for (const [place, { where, undecided, expect }] of controls.entries()) {
    const predicates = [where, undecided?.when, expect].flatMap((source) => (source === undefined ? [] : [compilePredicate(source)]));
    if (predicates.some(({ fields }) => fields === null)) {
      asked.push(place);
      continue;
    }
    const fields = [...new Set(predicates.flatMap((predicate) => [...(predicate.fields ?? [])]))].sort();
    const group = byFields.get(fields.join()) ?? { fields, places: [], cost: 0 };
    byFields.set(fields.join(), group);
    group.places.push(place);
    group.cost += predicates.reduce((sum, { quick }) => sum + (quick ? 1 : engine), 0);
  }
  const groups: Grouped[] = [];
  for (const { fields, places, cost } of byFields.values())
    if (cost > perField * fields.length) groups.push({ places, isCompared: true });
    else asked.push(...places);
  return asked.length === 0 ? groups : [...groups, { places: asked, isCompared: false }];
}

/** Rows are JSON, so equal texts are equal values; a field that is not there is none of them. */
function keyOf(row: Row, fields: readonly string[]): unknown {
  const [only, ...others] = fields;
  if (only !== undefined && others.length === 0) {
    const value = Object.hasOwn(row, only) ? row[only] : undefined;
    if (typeof value === 'string' ? !value.startsWith('\0') : typeof value !== 'object' || value === null) return value;
    return `\0${JSON.stringify(value)}`;
  }
  let absent = '';
  const values = fields.map((name, index) => {
    if (Object.hasOwn(row, name) && row[name] !== undefined) return row[name];
    absent += `${index} `;
    return null;
  });
  return absent + JSON.stringify(values);
}
