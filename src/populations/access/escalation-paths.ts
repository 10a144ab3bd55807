/**
 * Everybody whom somebody granted anything, with the shortest way from there to cluster-admin where there is one. What was not read could
 * open a way, so a subject without one counts only while everything was read that ways lead through; whoever climbs, climbs all the same.
 */
import type { Climber, HeldPod, Hop, Path } from '../../access/index.ts';
import { apiServerListings, findClimbers, holdPod, rbacListings, createAccessIndex, unreadGrants } from '../../access/index.ts';
import type { EvidenceReader, ListingKind, Population, PopulationInput, Row } from '../../model/index.ts';
import { resourceOf } from '../identity.ts';
import { isLarge, ofPart, readPodParts } from '../workloads/pod-parts.ts';

const from: readonly ListingKind[] = [
  ...rbacListings,
  'k8s.serviceaccounts/serviceaccounts',
  'k8s.pods/pods',
  'k8s.workloads/deployments',
  'k8s.workloads/statefulsets',
  'k8s.workloads/daemonsets',
  'k8s.workloads/replicasets',
  'k8s.workloads/cronjobs',
  'k8s.workloads/jobs',
  'k8s.namespaces/namespaces',
  'k8s.nodes/nodes',
  'k8s.admission/validatingwebhookconfigurations',
  'k8s.admission/validatingadmissionpolicies',
  'k8s.admission/validatingadmissionpolicybindings',
];

export const escalationPaths: Population = {
  name: 'escalationPaths',
  doc: 'A subject that somebody granted anything, with the shortest way from there to cluster-admin',
  from,
  also: [...apiServerListings, 'k8s.cluster/groups', 'k8s.secrets/service-account-tokens'],
  *rows(input) {
    if (input.techniques.length === 0) {
      input.gap({ reason: 'absent', what: 'techniques of escalation', detail: 'the catalog that judged has none' });
      return;
    }
    const reader = declared(input);
    // Whoever reaches somebody with such a grant may climb by it, so it is a gap of all.
    if (reader.scope === 'files') for (const gap of unreadGrants(reader, createAccessIndex(reader))) input.gap(gap);
    for (const climber of findClimbers(reader, input.techniques, readPods(input))) {
      let row = knownRows.get(climber);
      if (row === undefined) knownRows.set(climber, (row = rowOf(climber)));
      yield row;
    }
  },
};

/** The very same row as long as a climber is the very same. */
const knownRows = new WeakMap<Climber, Row>();

function rowOf({ subject, bindings, path, over }: Climber): Row {
  const evidence = [...over, ...bindings].flatMap(({ object, role }) => (role === undefined ? [object.id] : [object.id, role.id]));
  // A way that was found stands; that there is none does not, while a role of its own was not read.
  const unread = path === undefined ? bindings.flatMap(({ gaps }) => gaps) : [];
  return {
    item: subject.text,
    resource: resourceOf(bindings[0].object),
    evidence: [...new Set(evidence)],
    ...(unread.length > 0 && { gaps: unread }),
    subject: subject.text,
    kind: subject.kind,
    ...describe(path),
  };
}

function describe(path: Path | undefined): Pick<Row, string> {
  const hops = path?.hops ?? [];
  const [first] = hops;
  return {
    reach: path === undefined ? 'none' : path.certain ? 'certain' : 'possible',
    /** Cluster-admin is what it was granted: no step of anybody else's is between. */
    direct: hops.length === 1 && first?.technique === 'hold-everything',
    steps: hops.length,
    path: hops.map(tell).join(', then '),
    through: first?.through ?? '',
    doubt: [...new Set(hops.flatMap(({ because }) => because ?? []))].join('; '),
  };
}

function tell({ right, technique, to }: Hop): string {
  return `${right === '' ? technique : right} → ${to}`;
}

const podsIn = ofPart(({ pods }) => pods.flatMap(({ object, template }) => (template ? [] : [holdPod(object)])));

/** Of a large snapshot what was kept of its pods when they were read for all. */
function readPods(input: PopulationInput): Iterable<HeldPod> | undefined {
  return isLarge(input) ? Iterator.from(readPodParts(input)).flatMap((part) => podsIn(part)) : undefined;
}

/** The same evidence, so that whatever is read of it has been declared. */
function declared(input: PopulationInput): EvidenceReader {
  const { reader } = input;
  return {
    scope: reader.scope,
    cluster: reader.cluster,
    get at() {
      return reader.at;
    },
    get run() {
      return reader.run;
    },
    listings: () => reader.listings(),
    listing: (kind) => input.listing(kind),
    objects: (kind) => input.each(kind),
    ...(reader.parts && {
      parts: (kind) => {
        input.listing(kind);
        return reader.parts?.(kind) ?? null;
      },
    }),
    ...(reader.series && { series: reader.series }),
    previous: () => reader.previous(),
  };
}
