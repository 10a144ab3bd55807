/**
 * Changes of definitions as the records tell them: one record for each definition that changed, closed by one over all of them, which
 * names the digest that the last such record left. A run is planned by the definitions that were recorded last, so one that is loosened
 * between two records shows.
 */
import { visible } from '../model/index.ts';
import type { LogRecord, RecordOf } from './records.ts';

/** `what` of the record that closes a change. Its digests: SHA-256 over the RFC 8785 bytes of the sorted list of [what, digest], hex. */
export const allDefinitions = 'definitions';

export interface DefinitionOrder {
  /** Takes the records in the order of the log; returns what is wrong with this one. */
  take(leaf: number, record: LogRecord): string[];
}

export function createDefinitionOrder(): DefinitionOrder {
  /** As of the last closing record. */
  let digest: string | null = null;
  let open: RecordOf<'definition-changed'> | null = null;
  const [closings, approved] = [new Set<number>(), new Set<number>()];
  const judge = (leaf: number, record: LogRecord): string[] => {
    switch (record.type) {
      case 'definition-changed': {
        if (record.what !== allDefinitions) {
          open = record;
          return [];
        }
        const holds = record.oldDigest === digest && record.newDigest !== null;
        [digest, open] = [record.newDigest, null];
        closings.add(leaf);
        return holds ? [] : ['the definitions change from others than those that were recorded last'];
      }
      case 'run-planned':
        return digest === null || record.definitions === digest
          ? []
          : [`run ${record.run} of ${visible(record.cluster)} is planned by other definitions than those that were recorded`];
      case 'definition-explained':
        // What is said afterwards is an approval.
        if (record.change !== leaf - 1 || !closings.has(record.change))
          return [`a change of definitions is explained, and record ${record.change}, which is named as it, is none that was just closed`];
        approved.add(record.change);
        return [];
      case 'definition-approved':
        if (!closings.has(record.change)) return [`a change of definitions is approved, and record ${record.change} is none`];
        if (approved.has(record.change)) return [`the change of definitions in record ${record.change} is approved a second time`];
        approved.add(record.change);
        return [];
      default:
        return [];
    }
  };
  return {
    take(leaf, record) {
      const broken = open !== null && record.type !== 'definition-changed' ? [`the change of ${visible(open.what)} is not closed`] : [];
      if (record.type !== 'definition-changed') open = null;
      return [...broken, ...judge(leaf, record)];
    },
  };
}
