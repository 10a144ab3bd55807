/**
 * What records and their payloads say together of decisions: that two people took part where two must, and that a judgement counts what it
 * says. Names are as they were typed; where one was erased, nothing can be said.
 */
import { isSamePerson, type LogRecord } from '../../log/index.ts';
import { at, type Json, listAt, textAt } from '../../model/index.ts';

export interface DecisionCheck {
  /** Takes the records in the order of the log, each with what its payload says (null where that was erased); returns what is wrong with it. */
  take(leaf: number, record: LogRecord, said: Json): string[];
}

export function createDecisionCheck(): DecisionCheck {
  const requesters = new Map<string, string>();
  const judge = (record: LogRecord, said: Json): string[] => {
    switch (record.type) {
      case 'exception-requested': {
        const requester = textAt(said, 'requester');
        if (requester !== undefined) requesters.set(record.exception, requester);
        return [];
      }
      case 'exception-approved':
        return byOne(record.exception, requesters.get(record.exception), textAt(said, 'approver'));
      case 'access-reviewed':
        return problemsOfReview(record, said);
      case 'payload-erased':
      case 'definition-explained':
      case 'definition-approved':
        return byOne(describe(record), textAt(said, 'requester'), textAt(said, 'approver'));
      case 'assessed':
        return problemsOfCounts(record.outcomes, said);
      default:
        return [];
    }
  };
  return { take: (leaf, record, said) => judge(record, said).map((problem) => `record ${leaf}: ${problem}`) };
}

function describe(record: Extract<LogRecord, { type: 'payload-erased' | 'definition-explained' | 'definition-approved' }>): string {
  return record.type === 'payload-erased' ? 'the erasure' : `the change of definitions in record ${record.change}`;
}

function byOne(what: string, requester: string | undefined, approver: string | undefined): string[] {
  if (requester === undefined || approver === undefined || !isSamePerson(requester, approver)) return [];
  return [`${what} was requested and approved by one person`];
}

function problemsOfReview({ decisions }: Extract<LogRecord, { type: 'access-reviewed' }>, said: Json): string[] {
  if (said === null) return [];
  const rows = listAt(said, 'rows');
  const preparer = textAt(said, 'preparer');
  const reviewers = [textAt(said, 'reviewer'), ...rows.map((row) => textAt(row, 'reviewer'))];
  const own = preparer !== undefined && reviewers.some((reviewer) => reviewer !== undefined && isSamePerson(reviewer, preparer));
  const total = at(said, 'population', 'rows');
  const count = (decision: string) => rows.filter((row) => textAt(row, 'decision') === decision).length;
  const counted = (['keep', 'revoke', 'change'] as const).every((decision) => decisions[decision] === count(decision));
  const holds = counted && typeof total === 'number' && decisions.open === total - rows.length;
  return [
    ...(own ? ['an access review was prepared and done by one person'] : []),
    ...(holds ? [] : ['it counts other decisions than the access review has']),
  ];
}

function problemsOfCounts(said: Readonly<Record<string, number>>, assessment: Json): string[] {
  if (assessment === null) return [];
  const found = new Map<string, number>();
  for (const control of listAt(assessment, 'controls')) {
    const outcome = textAt(control, 'outcome') ?? '';
    found.set(outcome, (found.get(outcome) ?? 0) + 1);
  }
  const counted = Object.entries(said).filter(([, count]) => count > 0);
  const holds = counted.length === found.size && counted.every(([outcome, count]) => found.get(outcome) === count);
  return holds ? [] : ['it counts other outcomes than the assessment has'];
}
