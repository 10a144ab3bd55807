/**
 * Definitions are records: what decides what is collected and judged is compared with what was recorded last, and each difference is a
 * record of its own, closed by one over all of them. Small values and the full text of controls and mappings are salted payloads, so that
 * both sides of a change can be judged later; reasons and people have a record and a payload of their own, and can be erased without them.
 * What nobody explained is recorded as that.
 */
import { hash } from 'node:crypto';
import { allDefinitions, decodeRecord, type RecordOf } from '../../log/index.ts';
import { at, canonicalBytes, type Instant, isObject, type Json, KubevidenceError, textAt } from '../../model/index.ts';
import type { Found } from '../storage/log-store.ts';
import { salted } from '../storage/payloads.ts';
import type { Stores } from '../stores.ts';

export interface Definition {
  /** e.g. `control RBAC-001`, `params RBAC-001`, `schedule`. */
  readonly what: string;
  /** SHA-256, hex: over a file's bytes, or over the RFC 8785 bytes of `value`. */
  readonly digest: string;
  /** Where it is small; null where a text or another digest stands for it. */
  readonly value: Json;
}

/** What holds now. */
export interface PresentDefinitions {
  readonly list: readonly Definition[];
  /** Digest → bytes, for all definitions that are files. */
  readonly texts: ReadonlyMap<string, string>;
  /** Name and version of the program. */
  readonly tool: string;
}

export interface Explanation {
  readonly reason: string;
  readonly requester: string;
  readonly approver: string;
}

export interface DefinitionDifference {
  readonly what: string;
  /** Null when it did not exist. */
  readonly oldDigest: string | null;
  /** Null when it was removed. */
  readonly newDigest: string | null;
  /** Null where it did not exist, or is not small. */
  readonly oldValue: Json;
  readonly newValue: Json;
}

/** What changed together. */
export interface DefinitionChange {
  /** Of the record that closes it; it names the change. */
  readonly leaf: number;
  readonly at: Instant;
  /** The state that the ledger was born with, or that an older ledger began to record; its differences are not listed. */
  readonly first: boolean;
  /** Over all definitions. */
  readonly oldDigest: string | null;
  readonly newDigest: string;
  /** The program that found it. */
  readonly tool: string | null;
  readonly differences: readonly DefinitionDifference[];
  /** Given before or while it was recorded; null: reason not given, approver none. Empty texts: erased since. */
  readonly explanation: Explanation | null;
  /** Given afterwards, when the change was in force already. */
  readonly approval: (Explanation & { readonly at: Instant; readonly leaf: number }) | null;
}

export interface DefinitionState {
  readonly leaf: number;
  readonly at: Instant;
  readonly digest: string;
  readonly list: readonly Definition[];
}

export interface Definitions {
  /** Records every difference to what was recorded last; the first time, one record for all. Returns the digest that runs are planned by. */
  recordDefinitions(present: PresentDefinitions, explanation?: Explanation): string;
  /** What recording would record now. Undefined: nothing; null for the old state of a ledger that has recorded none. */
  differingDefinitions(present: PresentDefinitions): { readonly old: DefinitionState | null } | undefined;
  /** As recorded last, or at a size of the log. */
  definitionState(size?: number): DefinitionState | undefined;
  /** In order. */
  definitionChanges(): DefinitionChange[];
  /** Explains a change that was recorded without approval. Throws `usage` for one that does not exist or is explained. */
  approveDefinitions(leaf: number, explanation: Explanation): void;
  /** The text of a control or a mapping as it was when it held. Throws `integrity` when the ledger does not have it. */
  definitionText(digest: string): string;
}

export function createDefinitions({ db, log, payloads }: Stores, now: () => Instant): Definitions {
  const latest = db.prepare<[number], { readonly leaf: number; readonly bytes: Buffer }>(
    `SELECT leaf, bytes FROM log WHERE type = 'definition-changed' AND cluster IS NULL AND run IS NULL AND leaf < ?
         AND json_extract(CAST(bytes AS TEXT), '$.what') = '${allDefinitions}' ORDER BY leaf DESC LIMIT 1`,
  );
  const closing = (size: number): Found<'definition-changed'> | undefined => {
    const row = latest.get(size);
    const read = row === undefined ? undefined : decodeRecord(row.bytes);
    return row !== undefined && read?.known === true && read.record.type === 'definition-changed'
      ? { leaf: row.leaf, record: read.record }
      : undefined;
  };
  // A catalog's texts are asked for one after the other, and most are in one payload.
  const texts = new Map<number, Readonly<Record<string, string>>>();
  const textsOf = (leaf: number): Readonly<Record<string, string>> => {
    let known = texts.get(leaf);
    if (known === undefined) {
      const said = at(detailsOf(leaf), 'texts');
      known = Object.fromEntries(
        Object.entries(isObject(said) ? said : {}).filter((each): each is [string, string] => typeof each[1] === 'string'),
      );
      if (texts.size >= 8) texts.clear();
      texts.set(leaf, known);
    }
    return known;
  };
  const detailsOf = (leaf: number): Json => payloads.read(leaf)?.[0]?.value ?? null;
  const stateOf = ({ leaf, record }: Found<'definition-changed'>): DefinitionState => {
    const list = readList(detailsOf(leaf));
    if (digestOf(list) !== record.newDigest)
      throw new KubevidenceError('integrity', `the definitions of record ${leaf} are missing, or are not those that the record names`);
    return { leaf, at: record.at, digest: record.newDigest, list };
  };
  const append = (record: Omit<RecordOf<'definition-changed'>, 'type' | 'v' | 'details'>, details: Json, like?: number): number => {
    const payload = salted(details);
    const leaf = log.append({ type: 'definition-changed', v: 1, ...record, details: payload.id });
    payloads.write(leaf, [payload], like);
    return leaf;
  };
  const changes = (): DefinitionChange[] => {
    const approvals = new Map(log.find('definition-approved').map(({ leaf, record }) => [record.change, { leaf, at: record.at }]));
    const explained = new Map(log.find('definition-explained').map(({ leaf, record }) => [record.change, leaf]));
    const all: DefinitionChange[] = [];
    let differences: DefinitionDifference[] = [];
    for (const { leaf, record } of log.find('definition-changed')) {
      const { what, oldDigest, newDigest, at } = record;
      const details = detailsOf(leaf);
      if (what !== allDefinitions) {
        const [oldValue = null, newValue = null] = isObject(details) ? [details['old'], details['new']] : [];
        differences.push({ what, oldDigest, newDigest, oldValue, newValue });
        continue;
      }
      const approved = approvals.get(leaf);
      const approval = approved === undefined ? null : { ...readExplanation(detailsOf(approved.leaf)), ...approved };
      // Older ledgers have it beside the definitions.
      const own = explained.get(leaf);
      const said = own === undefined ? details : detailsOf(own);
      const explanation = own === undefined && textAt(said, 'reason') === undefined ? null : readExplanation(said);
      const tool = textAt(details, 'tool') ?? null;
      const first = oldDigest === null;
      all.push({ leaf, at, first, oldDigest, newDigest: newDigest ?? '', tool, differences, explanation, approval });
      differences = [];
    }
    return all;
  };

  return {
    definitionState(size = log.size()) {
      const found = closing(size);
      return found === undefined ? undefined : stateOf(found);
    },
    differingDefinitions(present) {
      const last = closing(log.size());
      if (last?.record.newDigest === digestOf(present.list)) return undefined;
      return { old: last === undefined ? null : stateOf(last) };
    },
    recordDefinitions(present, explanation) {
      const list = sorted(present.list);
      const digest = digestOf(list);
      const last = closing(log.size());
      if (last?.record.newDigest === digest) return digest;
      const before = last === undefined ? undefined : stateOf(last);
      const known = new Set(before?.list.map((each) => each.digest));
      const texts = Object.fromEntries(present.texts.entries().filter(([of]) => !known.has(of)));
      db.transaction(() => {
        const time = now();
        for (const { what, oldDigest, newDigest, oldValue, newValue } of before === undefined ? [] : difference(before.list, list))
          append({ at: time, what, oldDigest, newDigest }, { old: oldValue, new: newValue });
        const details = { tool: present.tool, list: list.map(({ what, digest: of, value }) => [what, of, value]), texts };
        const change = append(
          { at: time, what: allDefinitions, oldDigest: before?.digest ?? null, newDigest: digest },
          details,
          last?.leaf,
        );
        if (explanation === undefined) return;
        const people = salted({ ...explanation });
        payloads.write(log.append({ type: 'definition-explained', v: 1, at: time, change, details: people.id }), [people]);
      }).immediate();
      return digest;
    },
    definitionChanges: changes,
    approveDefinitions(leaf, explanation) {
      const change = changes().find((each) => each.leaf === leaf);
      const next = 'See them: kubevidence definitions list';
      if (change === undefined) throw new KubevidenceError('usage', `record ${leaf} is no change of definitions`, { next });
      if (change.explanation !== null || change.approval !== null)
        throw new KubevidenceError('usage', `the change of definitions in record ${leaf} is approved already`, { next });
      const details = salted({ ...explanation });
      db.transaction(() => {
        const at = log.append({ type: 'definition-approved', v: 1, at: now(), change: leaf, details: details.id });
        payloads.write(at, [details]);
      }).immediate();
    },
    definitionText(digest) {
      for (let change = closing(log.size()); change !== undefined; change = closing(change.leaf)) {
        const text = textsOf(change.leaf)[digest];
        if (text !== undefined && hash('sha256', text) === digest) return text;
      }
      throw new KubevidenceError('integrity', `the ledger does not have the text of the definition ${digest}`);
    },
  };
}

/** Every difference, by name. */
export function difference(before: readonly Definition[], after: readonly Definition[]): DefinitionDifference[] {
  const [old, fresh] = [byName(before), byName(after)];
  return [...new Set([...old.keys(), ...fresh.keys()])].sort().flatMap((what) => {
    const [was, is] = [old.get(what), fresh.get(what)];
    if (was?.digest === is?.digest) return [];
    const [oldDigest, newDigest] = [was?.digest ?? null, is?.digest ?? null];
    return [{ what, oldDigest, newDigest, oldValue: was?.value ?? null, newValue: is?.value ?? null }];
  });
}

/** The differences between two states must be exactly the records between them. */
export function checkDefinitions(stores: Stores, problem: (message: string) => void): void {
  const definitions = createDefinitions(stores, () => '');
  let before: DefinitionState | undefined;
  for (const { leaf, first, differences } of definitions.definitionChanges()) {
    if (stores.payloads.erased(leaf)) {
      before = undefined;
      continue;
    }
    const state = definitions.definitionState(leaf + 1);
    if (state === undefined) continue;
    const expected = before === undefined || first ? [] : difference(before.list, state.list);
    const said = (list: readonly DefinitionDifference[]) => JSON.stringify(list.map((each) => [each.what, each.oldDigest, each.newDigest]));
    if (before !== undefined && said(expected) !== said(differences))
      problem(`the records before record ${leaf} are not what changed between the definitions that were recorded before and by it`);
    before = state;
  }
}

function digestOf(list: readonly Definition[]): string {
  return hash('sha256', canonicalBytes(sorted(list).map(({ what, digest }) => [what, digest])));
}

function sorted(list: readonly Definition[]): readonly Definition[] {
  return list.toSorted((a, b) => (a.what < b.what ? -1 : a.what > b.what ? 1 : 0));
}

function byName(list: readonly Definition[]): ReadonlyMap<string, Definition> {
  return new Map(list.map((each) => [each.what, each]));
}

function readList(details: Json): Definition[] {
  const list = isObject(details) ? details['list'] : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry) => {
    const [what, digest, value = null] = Array.isArray(entry) ? (entry as Json[]) : [];
    return typeof what === 'string' && typeof digest === 'string' ? [{ what, digest, value }] : [];
  });
}

function readExplanation(details: Json): Explanation {
  const said = (name: string) => textAt(details, name) ?? '';
  return { reason: said('reason'), requester: said('requester'), approver: said('approver') };
}
