/** The part of the report model on who could do something: whether the API servers' audit log of that time can still be there. */
import type { Instant } from '../model/index.ts';

/** How API servers kept their audit log at one run, by their flags. */
export interface AuditLogSetting {
  /** Those whose flags were read. */
  readonly servers: number;
  /** There is no other. */
  readonly complete: boolean;
  /** Of `servers`, those that write no file of their own; of these, those whose events go elsewhere: to a webhook, or to standard output. */
  readonly withoutFile: number;
  readonly elsewhere: number;
  /** The least `--audit-log-maxage` of those with a file; null: none deletes by age. */
  readonly days: number | null;
}

/** `run`: whose flags say so, or do not. `partly`: it is not known, or does not hold, of every API server. */
export type ReportTrail =
  | { readonly kept: 'unread' | 'none' | 'elsewhere'; readonly run: number; readonly partly: boolean }
  | {
      readonly kept: 'files';
      readonly run: number;
      readonly partly: boolean;
      /** At some run of its time none was written. */
      readonly unwritten: boolean;
      /** Null: files are not deleted by age. */
      readonly days: number | null;
      /** By age, at the checkpoint. `gone`: all of it may have been deleted. `part`: its beginning. `whole`: nothing. */
      readonly standing: 'whole' | 'part' | 'gone';
      /** When its beginning could be deleted; null: never, or nobody knows when the deviation began. */
      readonly firstGone: Instant | null;
      /** When its end could be; null: never, or the deviation lasts. */
      readonly lastGone: Instant | null;
    };
