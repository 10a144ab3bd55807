/**
 * Who can climb to cluster-admin, as a pack tells it: searched in the snapshot that shows its end, with the techniques of the catalog that
 * judged it, which the pack encloses. A catalog that has none is a gap: no path is then known, and none is known not to be.
 */
import { findPaths, type Hop, readAuthorizers } from '../../access/index.ts';
import type { Catalog, EvidenceReader } from '../../model/index.ts';
import type { PathsInput } from '../../reporting/index.ts';

export function readPaths(reader: EvidenceReader, { techniques }: Pick<Catalog, 'techniques'>): PathsInput {
  const place = { run: reader.run?.number ?? null, at: reader.at, techniques: techniques.length };
  const { note } = readAuthorizers(reader);
  const notes = note === null ? [] : [note];
  if (techniques.length === 0) {
    const gap = { reason: 'absent', what: 'techniques of escalation', detail: 'the catalog that judged has none' } as const;
    return { ...place, certain: 0, possible: 0, builtin: 0, paths: [], removals: [], cut: null, gaps: [gap], notes };
  }
  const titles = new Map(techniques.map(({ id, title }) => [id, title]));
  const { paths, sources, builtin, removals, cut, gaps } = findPaths(reader, techniques, {
    target: { kind: 'cluster-admin' },
    withGrants: true,
  });
  const certain = new Set(paths.flatMap((path) => (path.certain ? [path.from] : []))).size;
  return {
    ...place,
    certain,
    possible: sources - certain,
    builtin,
    paths: paths.map(({ from, kind, certain: sure, hops }) => ({
      from,
      kind,
      certain: sure,
      hops: hops.map((hop) => tellHop(hop, titles)),
    })),
    removals,
    cut,
    gaps,
    notes,
  };
}

function tellHop({ because, grants = [], ...hop }: Hop, titles: ReadonlyMap<string, string>): PathsInput['paths'][number]['hops'][number] {
  const bindings = [...new Set(grants.flatMap(({ binding }) => (binding === '' ? [] : [binding])))];
  return { ...hop, title: titles.get(hop.technique) ?? hop.technique, bindings, because: because ?? null };
}
