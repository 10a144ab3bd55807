/**
 * The form of an access review's workbook, which is written here and comes back from people: the sheets, their columns, which cells are
 * theirs to fill, and what tells which snapshot and which population it was made of. The writer and the reader both ask here.
 */
import type { Instant } from '../../model/index.ts';
import { cellText } from '../formats/xlsx/cells.ts';

export const reviewSchema = 'kubevidence/access-review/v1';
export const sheetNames = { start: 'Start here', review: 'Access review', origin: 'Origin' } as const;

export const decisions = ['keep', 'revoke', 'change'] as const;
export type ReviewDecision = (typeof decisions)[number];

/** Longest that a reviewer's texts may be. */
export const longest = { reviewer: 200, comment: 2000 } as const;

export interface ReviewSheetRow {
  /** Stands in the hidden column; unique. */
  readonly id: string;
  readonly owner: string;
  readonly risk: 'high' | 'medium' | 'low';
  readonly because: string;
  readonly subject: string;
  readonly kind: string;
  readonly right: string;
  readonly where: string;
  readonly via: string;
  /** `exact`: an earlier snapshot was without it; else it was there already in the first one that was looked at. */
  readonly firstSeen: { readonly at: Instant; readonly exact: boolean } | null;
  /** Null: none since it was first seen. */
  readonly lastChange: Instant | null;
  readonly lastDecision: string;
  /** What was filled in before, in another workbook. */
  readonly filled: FilledCells | null;
}

export interface FilledCells {
  readonly decision: ReviewDecision;
  readonly reviewer: string;
  /** `2026-10-02`. */
  readonly date: string;
  readonly comment: string;
}

/** What the workbook was made of; each is a row of its sheet. Values are text. */
export const originKeys = [
  'schema',
  'cluster',
  'clusterUid',
  'run',
  'observed',
  'exported',
  'checkpointSize',
  'checkpointRoot',
  'rows',
  'population',
  'builtinIncluded',
  'ownerKeys',
  'preparer',
  'tool',
] as const;
export type ReviewOrigin = Readonly<Record<(typeof originKeys)[number], string>>;

interface ReviewColumn {
  readonly key: string;
  readonly title: string;
  /** In characters. */
  readonly width: number;
  readonly kind: 'text' | 'day' | 'filled' | 'id';
}

export const reviewColumns = [
  { key: 'owner', title: 'Owner', width: 16, kind: 'text' },
  { key: 'risk', title: 'Risk', width: 11, kind: 'text' },
  { key: 'subject', title: 'Subject', width: 26, kind: 'text' },
  { key: 'kind', title: 'Kind', width: 10, kind: 'text' },
  { key: 'right', title: 'What it may do', width: 38, kind: 'text' },
  { key: 'where', title: 'Where', width: 16, kind: 'text' },
  { key: 'because', title: 'Why this risk', width: 20, kind: 'text' },
  { key: 'via', title: 'Through binding → role', width: 36, kind: 'text' },
  { key: 'firstSeen', title: 'First seen (UTC)', width: 15, kind: 'day' },
  { key: 'lastChange', title: 'Last change (UTC)', width: 13, kind: 'day' },
  { key: 'lastDecision', title: 'Last review', width: 18, kind: 'text' },
  { key: 'decision', title: 'Decision', width: 12, kind: 'filled' },
  { key: 'reviewer', title: 'Reviewer', width: 18, kind: 'filled' },
  { key: 'date', title: 'Date', width: 12, kind: 'filled' },
  { key: 'comment', title: 'Comment', width: 30, kind: 'filled' },
  { key: 'id', title: 'Id', width: 12, kind: 'id' },
] as const satisfies readonly ReviewColumn[];

export type ReviewColumnKey = (typeof reviewColumns)[number]['key'];
export type LockedTextKey = Extract<(typeof reviewColumns)[number], { kind: 'text' }>['key'];

const riskWords = { high: '▲ high', medium: '◇ medium', low: '– low' } as const;

/** What stands in the locked cells of text. */
export function lockedTexts(row: ReviewSheetRow): Readonly<Record<LockedTextKey, string>> {
  const { owner, risk, because, subject, kind, right, where, via, lastDecision } = row;
  const texts = { owner, risk: riskWords[risk], because, subject, kind, right, where, via, lastDecision };
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, cellText(text)])) as typeof texts;
}

/** `A` for 1. */
export function letterOf(column: number): string {
  const rest = Math.floor((column - 1) / 26);
  return `${rest === 0 ? '' : letterOf(rest)}${String.fromCharCode(65 + ((column - 1) % 26))}`;
}
