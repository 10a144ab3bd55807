/**
 * `access check`: many requests at once, one SubjectAccessReviewSpec a line, answered in order while the file is read. Nothing is implied. A
 * line that is no such spec is answered with an `evaluationError` in its place, and the others are answered all the same.
 */
import { createReadStream, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AccessIndex, AccessRequest } from '../../access/index.ts';
import { createAccessIndex, describeGaps } from '../../access/index.ts';
import { isObject, type Json, KubevidenceError, visible } from '../../model/index.ts';
import type { AppContext } from '../context.ts';
import { linesOf } from '../lines.ts';
import type { EvidenceOptions } from './evidence.ts';
import { withEvidence } from './evidence.ts';

/** In the words of a SubjectAccessReviewStatus. */
export interface CheckAnswer {
  readonly allowed: boolean;
  /** `binding → role → rule`; empty for a plain no. */
  readonly reason: string;
  /** Why a no is not known, or what is wrong with the line. */
  readonly evaluationError?: string;
}

export interface CheckReport {
  readonly answered: number;
  /** Answers that are not known. */
  readonly unknown: number;
  readonly broken: number;
}

export interface BrokenLine {
  readonly line: number;
  readonly message: string;
}

/** Calls `put` for each line that is not blank, and waits for it; `complain` before it for one that is broken. */
export async function accessCheck(
  context: AppContext,
  options: EvidenceOptions,
  file: string,
  put: (answer: CheckAnswer) => Promise<void> | undefined,
  complain: (broken: BrokenLine) => void,
): Promise<CheckReport> {
  const path = resolve(context.cwd, file);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory())
    throw new KubevidenceError('usage', found === undefined ? `there is no ${visible(file)}` : `${visible(file)} is a directory`, {
      next: 'Name a file with one SubjectAccessReview spec a line.',
    });
  return withEvidence(context, options, async (reader) => {
    const index = createAccessIndex(reader);
    const report = { answered: 0, unknown: 0, broken: 0 };
    for await (const { number, text } of linesOf(createReadStream(path, { encoding: 'utf8', highWaterMark: 256 * 1024 }))) {
      const request = text === null ? 'it is longer than 1 MiB' : readSpec(text);
      if (request === null) continue;
      if (typeof request === 'string') {
        report.broken += 1;
        complain({ line: number, message: request });
        await put({ allowed: false, reason: '', evaluationError: `line ${number}: ${request}` });
        continue;
      }
      const answer = check(index, request);
      report.answered += 1;
      if (answer.evaluationError !== undefined) report.unknown += 1;
      await put(answer);
    }
    return report;
  });
}

function check(index: AccessIndex, request: AccessRequest): CheckAnswer {
  const { allowed, reason, gaps } = index.can(request);
  if (allowed) return { allowed, reason };
  return gaps.length === 0 ? { allowed, reason: '' } : { allowed, reason: '', evaluationError: `not known: ${describeGaps(gaps)}` };
}

/** The spec; what is wrong with it, as a phrase; or null for a blank line. Refuses what the API server refuses, and wrong types. */
function readSpec(text: string): AccessRequest | string | null {
  const trimmed = text.replace(/^\ufeff/, '').trim();
  if (trimmed === '') return null;
  let spec: Json;
  try {
    spec = JSON.parse(trimmed) as Json;
  } catch {
    return 'it is not JSON';
  }
  if (!isObject(spec)) return 'it is no object';
  const user = textOf(spec['user']);
  if (user === undefined) return 'user is no text';
  const groups = spec['groups'] ?? [];
  if (!Array.isArray(groups) || !groups.every((group) => typeof group === 'string')) return 'groups is no list of texts';
  if (user === '' && groups.length === 0) return 'it names neither a user nor a group';
  const { resourceAttributes: resource, nonResourceAttributes: nonResource } = spec;
  if ((resource ?? null) === null ? (nonResource ?? null) === null : (nonResource ?? null) !== null)
    return 'exactly one of resourceAttributes and nonResourceAttributes must be given';
  const attributes = readAttributes(resource ?? nonResource);
  if (typeof attributes === 'string') return `${(resource ?? null) === null ? 'nonResourceAttributes' : 'resourceAttributes'}${attributes}`;
  return {
    user,
    groups,
    ...((resource ?? null) === null ? { nonResourceAttributes: attributes } : { resourceAttributes: attributes }),
  };
}

const attributeNames = ['verb', 'group', 'resource', 'subresource', 'namespace', 'name', 'path'] as const;
type Attributes = Record<(typeof attributeNames)[number], string>;

function readAttributes(value: Json | undefined): Attributes | string {
  if (!isObject(value)) return ' is no object';
  const attributes: Attributes = { verb: '', group: '', resource: '', subresource: '', namespace: '', name: '', path: '' };
  for (const name of attributeNames) {
    const text = textOf(value[name]);
    if (text === undefined) return `.${name} is no text`;
    attributes[name] = text;
  }
  return attributes;
}

/** As Go reads it: absent and null are empty. */
function textOf(value: Json | undefined): string | undefined {
  return (value ?? null) === null ? '' : typeof value === 'string' ? value : undefined;
}
