/**
 * Exceptions: management's decision that one item of one control may deviate for a while. Requesting and approving are two records by two
 * people, and each exception expires. What is in force follows from the records (log/exception-order.ts); the item, the reasons and the
 * people are salted payloads. Names are as they were typed: asserted, not authenticated.
 */
import { createExceptionHistory, type ExceptionState, isInForce, isSamePerson, type RecordOf } from '../../log/index.ts';
import { type Instant, type Json, KubevidenceError, textAt, visible } from '../../model/index.ts';
import { payloadId, salted } from '../storage/payloads.ts';
import type { Stores } from '../stores.ts';

export interface NewException {
  readonly cluster: string;
  readonly control: string;
  /** The natural key of the item in the control's population. */
  readonly item: string;
  readonly expires: Instant;
  readonly justification: string;
  readonly compensatingControl: string | null;
  readonly ticket: string | null;
  readonly requester: string;
}

/** Texts are null where they were erased. */
export interface StoredException extends ExceptionState {
  readonly item: string | null;
  readonly justification: string | null;
  readonly compensatingControl: string | null;
  readonly ticket: string | null;
  readonly requester: string | null;
  readonly approver: string | null;
  readonly revocation: { readonly reason: string | null; readonly by: string | null } | null;
}

export interface Exceptions {
  /** Throws `usage` for an expiry that is past, or more than {@link longestExceptionDays} away. */
  requestException(request: NewException): StoredException;
  /** Throws `usage` for the requester's own name, and for what does not exist, is approved, revoked, expired or of the cluster before. */
  approveException(approval: { readonly id: string; readonly approver: string }): StoredException;
  /** Throws `usage` for what does not exist or is revoked. */
  revokeException(revocation: { readonly id: string; readonly reason: string; readonly by: string }): StoredException;
  /** In the order of the requests, as the log of a size tells them. */
  exceptions(cluster: string, size?: number): StoredException[];
  /** Those that label findings at a moment, as the log of a size tells them. */
  exceptionsInForce(cluster: string, at: Instant, size?: number): StoredException[];
  /** A step's payload with its id and salt, for a pack; undefined when it was erased. */
  exceptionPayload(leaf: number): { readonly id: string; readonly salt: Uint8Array; readonly value: Json } | undefined;
}

/** An exception that holds for longer is a change of the control. */
export const longestExceptionDays = 366;

const day = 86_400_000;

export function createExceptions({ db, log, payloads }: Stores, now: () => Instant): Exceptions {
  const types = ['exception-requested', 'exception-approved', 'exception-revoked', 'cluster-rebound'] as const;
  const states = (size: number): ExceptionState[] => {
    const history = createExceptionHistory();
    const found = types.flatMap((type): { leaf: number; record: RecordOf<(typeof types)[number]> }[] => log.find(type));
    for (const { leaf, record } of found.toSorted((a, b) => a.leaf - b.leaf)) if (leaf < size) history.take(leaf, record);
    return [...history.all.values()];
  };
  const describe = (state: ExceptionState): StoredException => {
    const said = (leaf: number | undefined, name: string): string | null =>
      leaf === undefined ? null : (textAt(payloads.read(leaf)?.[0]?.value, name) ?? null);
    const request = (name: string) => said(state.requested.leaf, name);
    const revoked = state.revoked?.leaf;
    return {
      ...state,
      item: request('item'),
      justification: request('justification'),
      compensatingControl: request('compensatingControl'),
      ticket: request('ticket'),
      requester: request('requester'),
      approver: said(state.approved?.leaf, 'approver'),
      revocation: revoked === undefined ? null : { reason: said(revoked, 'reason'), by: said(revoked, 'by') },
    };
  };
  const byId = (id: string): StoredException => {
    const state = states(log.size()).find((each) => each.id === id);
    if (state === undefined)
      throw new KubevidenceError('usage', `there is no exception ${visible(id)}`, { next: 'See them: kubevidence exception list' });
    return describe(state);
  };
  const append = (details: Json, write: (details: string) => number): void => {
    const payload = salted(details);
    db.transaction(() => payloads.write(write(payload.id), [payload])).immediate();
  };

  return {
    requestException({ cluster, control, expires, ...details }) {
      const at = now();
      if (expires <= at)
        throw new KubevidenceError('usage', `the exception would have expired at ${expires}`, { next: 'Name a later --expires.' });
      if (Date.parse(expires) - Date.parse(at) > longestExceptionDays * day)
        throw new KubevidenceError('usage', `an exception holds for ${longestExceptionDays} days at most, and this one until ${expires}`, {
          next: 'Name an earlier --expires and renew it, or change the parameters of the control.',
        });
      const exception = `EXC-${states(log.size()).length + 1}`;
      append({ ...details }, (id) =>
        log.append({ type: 'exception-requested', v: 1, at, cluster, exception, control, expires, details: id }),
      );
      return byId(exception);
    },
    approveException({ id, approver }) {
      const { cluster, requester, approved, revoked, rebound, expires } = byId(id);
      const at = now();
      const refuse = (why: string, next?: string): never => {
        throw new KubevidenceError('usage', `${visible(id)} ${why}`, next === undefined ? {} : { next });
      };
      if (revoked !== null) refuse(`was revoked at ${revoked.at}`, 'Request a new one: kubevidence exception add');
      if (approved !== null) refuse(`was approved at ${approved.at} already`);
      if (rebound !== null)
        refuse(
          `was requested of the cluster that ${visible(cluster)} stood for before ${rebound.at}`,
          'Request a new one: kubevidence exception add',
        );
      if (expires <= at) refuse(`expired at ${expires}`, 'Request a new one: kubevidence exception add');
      if (requester === null) refuse('names no requester any more, so nobody can show that another person approves it');
      if (isSamePerson(requester ?? '', approver))
        refuse(`was requested by ${visible(requester ?? '')}, who cannot approve it`, 'Another person approves: --approver NAME.');
      append({ approver }, (details) => log.append({ type: 'exception-approved', v: 1, at, cluster, exception: id, details }));
      return byId(id);
    },
    revokeException({ id, reason, by }) {
      const { cluster, revoked } = byId(id);
      if (revoked !== null) throw new KubevidenceError('usage', `${visible(id)} was revoked at ${revoked.at} already`);
      append({ reason, by }, (details) => log.append({ type: 'exception-revoked', v: 1, at: now(), cluster, exception: id, details }));
      return byId(id);
    },
    exceptions: (cluster, size = log.size()) =>
      states(size)
        .filter((state) => state.cluster === cluster)
        .map(describe),
    exceptionsInForce: (cluster, at, size = log.size()) =>
      states(size)
        .filter((state) => state.cluster === cluster && isInForce(state, at))
        .map(describe),
    exceptionPayload(leaf) {
      const payload = payloads.read(leaf)?.[0];
      return payload === undefined ? undefined : { id: payloadId(payload), salt: payload.salt, value: payload.value };
    },
  };
}
