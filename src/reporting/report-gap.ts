/** Evidence that is missing, as a report tells it. */
import type { GapReason } from '../model/index.ts';

export interface ReportGap {
  readonly reason: GapReason;
  readonly what: string;
  readonly detail: string | null;
  readonly closedBy: string | null;
}
