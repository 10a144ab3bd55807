/** What a sheet is made of: columns with their kinds, and rows of values. No style and no file format here. */
import type { SheetId, Verdict } from '../../report-model.ts';

/** A cell: text or a number; a moment; an outcome; or a jump to a row of another sheet. Rows count from 1 below the header. */
export type Value =
  | string
  | number
  | null
  | { readonly moment: string | null }
  | { readonly verdict: Verdict }
  | { readonly jump: SheetId; readonly row: number; readonly shown: string };

export interface Column {
  readonly title: string;
  readonly kind?: 'number' | 'moment';
  /** Widest, in characters; longer text wraps. */
  readonly cap: number;
}

export interface SheetContent {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Value[])[];
}

/** Columns of text, each with its widest: sheets stay readable when they are printed on one page's width. */
export const words = (caps: Readonly<Record<string, number>>): Column[] => Object.entries(caps).map(([title, cap]) => ({ title, cap }));
export const number = (title: string): Column => ({ title, kind: 'number', cap: 12 });
export const moment = (title: string): Column => ({ title: `${title} (UTC)`, kind: 'moment', cap: 20 });
export const list = (values: readonly string[]): string => values.join(', ');
