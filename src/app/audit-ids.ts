/**
 * Audit-IDs that our requests carry into a cluster's own audit log: `<run uuid>-<n>` for a run, `check-<uuid>-<n>` for what asks the cluster
 * and records nothing (`doctor`, `collect --dry-run`). At most 64 characters, or the server would shorten them.
 */
import { randomUUID } from 'node:crypto';

const form = /^((check-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(\d{1,9})$/;

export interface OwnAuditId {
  /** The run's uuid; for a check with its prefix. */
  readonly uuid: string;
  readonly number: number;
  readonly isCheck: boolean;
}

/** Takes the place of a run's uuid where there is no run. */
export function nameCheck(): string {
  return `check-${randomUUID()}`;
}

/** Undefined for what is none of ours. Anybody can send one that is. */
export function parseAuditId(id: string): OwnAuditId | undefined {
  const [, uuid, check, number] = form.exec(id) ?? [];
  return uuid === undefined ? undefined : { uuid, number: Number(number), isCheck: check !== undefined };
}
