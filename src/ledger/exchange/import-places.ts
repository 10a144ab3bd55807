/** Where things stand in an export, so that a problem of the finished ledger can be named with file and line. Small also for large exports. */
import type { ExportFile } from './export-format.ts';

/** Lines by ascending numbers; kept is only where number and line part. */
interface LineIndex {
  add(number: number, line: number): void;
  /** Undefined for a number that no line has. */
  find(number: number): number | undefined;
}

export function createPlaces() {
  const checkpoints = createIndex();
  const tokens = createIndex();
  const payloads = createIndex();
  const objects = createIndex();
  const trees = createIndex();
  const catalogs = new Map<string, number>();
  const reuse = new Map<string, number>();
  const at = (file: ExportFile, line: number | undefined) => (line === undefined ? { file } : { file, line });
  return {
    checkpoints,
    tokens,
    payloads,
    objects,
    trees,
    catalogs,
    reuse,
    /** The sentences are those of verify-log.ts, verify-evidence.ts and tokens.ts; for others there is no place. No line: it is missing. */
    find(problem: string): { readonly file: ExportFile; readonly line?: number } | undefined {
      const number = (pattern: RegExp): number | undefined => {
        const [, digits] = pattern.exec(problem) ?? [];
        return digits === undefined ? undefined : Number(digits);
      };
      const object = number(/\bobjects? (\d+)/);
      if (object !== undefined) return at('objects.jsonl', objects.find(object));
      const tree = number(/\btree (\d+)\b/);
      if (tree !== undefined) return at('trees.jsonl', trees.find(tree));
      const token = number(/\b(?:token|timestamp)\D*(\d+)/);
      if (token !== undefined) return at('tokens.jsonl', tokens.find(token));
      const size = number(/\bsize (\d+)/);
      if (size !== undefined) return at('checkpoints.jsonl', checkpoints.find(size));
      const leaf = number(/\brecord (\d+)/);
      if (leaf !== undefined) return /payload/.test(problem) ? at('payloads.jsonl', payloads.find(leaf)) : at('log.jsonl', leaf + 1);
      const [, digest = ''] = /\bcatalog ([0-9a-f]{64})/.exec(problem) ?? [];
      if (digest !== '') return at('catalogs.jsonl', catalogs.get(digest));
      const [, cluster = ''] = /\bmay be reused for (.*?)(?: is not|, which)/.exec(problem) ?? [];
      return cluster === '' ? undefined : at('reuse.jsonl', reuse.get(cluster));
    },
  };
}

function createIndex(): LineIndex {
  const runs: { readonly number: number; readonly line: number; length: number }[] = [];
  return {
    add(number, line) {
      const last = runs.at(-1);
      if (last !== undefined && number - last.number === last.length && line - last.line === last.length) last.length++;
      else runs.push({ number, line, length: 1 });
    },
    find(number) {
      const run = runs.findLast((each) => each.number <= number);
      return run === undefined || number >= run.number + run.length ? undefined : run.line + number - run.number;
    },
  };
}
