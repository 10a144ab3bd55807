/**
 * Laws over every example that passes, or to which its control does not apply: when evidence that it stands on is taken away, the outcome
 * goes with it. Each exception says why what is lost could hold no row that fails. Populations that stand on no such evidence at all are
 * not asked: an example is the proof of that.
 */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assessControls } from '../../src/assessment/index.ts';
import { loadCatalog } from '../../src/catalog/index.ts';
import { runExample } from '../../src/control-examples.ts';
import type { Control, ControlExample, EvidenceReader, Gap, ListingKind, StoredListing, StoredObject } from '../../src/model/index.ts';
import { populations } from '../../src/populations/index.ts';

const root = join(import.meta.dirname, '..', '..');
const { controls, techniques } = loadCatalog({
  controlDirs: [join(root, 'controls')],
  mappingDirs: [],
  techniqueDirs: [join(root, 'techniques')],
  populations: populations.map((population) => population.name),
});

const leases: ListingKind = 'k8s.apiserver/leases';
const files: ListingKind = 'files.encryption/encryptionconfigurations';
const metrics: ListingKind = 'k8s.apiserver/metrics';

interface Case {
  readonly control: Control;
  readonly example: ControlExample;
  readonly reader: EvidenceReader;
  readonly kinds: readonly ListingKind[];
}

/** The evidence of an example as its population was given it. */
function readerOf(control: Control, example: ControlExample): EvidenceReader {
  let seen: EvidenceReader | undefined;
  const watched = populations.map((population) => ({
    ...population,
    *rows(input: Parameters<typeof population.rows>[0]) {
      seen = input.reader.whole ?? input.reader;
      yield* population.rows(input);
    },
  }));
  runExample(control, example, { populations: watched, techniques });
  if (seen === undefined) throw new Error(`${control.id} read nothing`);
  return seen;
}

const cases: readonly Case[] = controls.flatMap((control) => {
  const population = populations.find(({ name }) => name === control.population);
  if (population === undefined) throw new Error(`no population is called ${control.population}`);
  const kinds = [...new Set([...population.from, ...(population.also ?? [])])];
  return control.examples
    .filter(({ outcome }) => outcome === 'pass' || outcome === 'notApplicable')
    .map((example) => ({ control, example, reader: readerOf(control, example), kinds }));
});

interface Change {
  readonly at?: string;
  readonly listing?: (listing: StoredListing | undefined) => StoredListing | undefined;
  readonly objects?: (objects: readonly StoredObject[]) => readonly StoredObject[];
}

function changed({ reader }: Case, of: ListingKind | null, { at, listing, objects }: Change): EvidenceReader {
  const own = (kind: ListingKind) => (kind === of && listing !== undefined ? listing(reader.listing(kind)) : reader.listing(kind));
  return {
    scope: reader.scope,
    cluster: reader.cluster,
    at: at ?? reader.at,
    run: reader.run,
    listings: () => reader.listings().flatMap(({ kind }) => own(kind) ?? []),
    listing: own,
    objects: (kind) => (kind === of && objects !== undefined ? objects([...reader.objects(kind)]) : reader.objects(kind)),
    previous: () => reader.previous(),
  };
}

/** Whether it still passes, or still does not apply. */
function isKept({ control, example }: Case, reader: EvidenceReader): boolean {
  const [result] = assessControls([control], {
    reader,
    populations,
    techniques,
    ...(example.params !== undefined && { params: { [control.id]: example.params } }),
  });
  return result?.outcome === 'pass' || result?.outcome === 'notApplicable';
}

/** It held something, or the population cannot do without it. */
function holds({ control, reader }: Case, kind: ListingKind): boolean {
  const population = populations.find(({ name }) => name === control.population);
  return population?.from.includes(kind) === true || [...reader.objects(kind)].length > 0;
}

const told = ({ control, example }: Case) => `${control.id}: ${example.name}`;
const gap = (reason: Gap['reason'], kind: ListingKind): Gap => ({ reason, what: kind.slice(kind.indexOf('/') + 1) });

const losses: readonly (readonly [string, (kind: ListingKind) => Change])[] = [
  ['not collected', () => ({ listing: () => undefined, objects: () => [] })],
  [
    'forbidden',
    (kind) => ({
      listing: (listing) => listing && { ...listing, items: 0, gaps: [gap('forbidden', kind)] },
      objects: () => [],
    }),
  ],
  ['not read whole', (kind) => ({ listing: (listing) => listing && { ...listing, gaps: [gap('error', kind)] } })],
];

/** By population and listing: why the outcome may stay. */
const notNeeded: Readonly<Record<string, string>> = {
  'apiServers k8s.nodes/nodes':
    'the only API server says its flags itself; what is left of pods shows those of others, or leaves a gap by the leases',
  'apiServers k8s.pods/pods': 'the same',
  'auditPolicyRequests node.evidence/nodes': 'without the node the policy is one that a person handed in',
  'bootstrapTokens k8s.apiserver/flagz': 'there is no token that could be signed in with',
  'bootstrapTokens k8s.apiserver/leases': 'there is no token that could be signed in with',
  'bootstrapTokens k8s.secrets/secrets': 'nobody can sign in with a token, whatever there is',
  'collectorRights k8s.secrets/secrets': 'only that they were to be collected counts',
  [`encryptionAgreement ${metrics}`]: '/flagz says that nothing is encrypted',
  [`encryptionCoverage ${metrics}`]: 'the file says it',
  [`encryptionKeys ${metrics}`]: 'keys are in files',
  [`encryptionReloads ${metrics}`]: '/flagz says that nothing is encrypted',
  'kmsReads k8s.storagemigrations/storageversionmigrations': 'one migration that was read is enough',
  'kubeadmFlags k8s.nodes/nodes': 'there is no kubeadm-config, so kubeadm made nothing',
  'kubeadmFlags k8s.pods/pods': 'there is no kubeadm-config, so kubeadm made nothing',
  'managedSecrets k8s.externalsecrets/kustomizations': 'the API server does not offer the kind',
  'managedSecrets k8s.externalsecrets/secretproviderclasses': 'the API server does not offer the kind',
  'referredSecrets k8s.externalsecrets/kustomizations': 'what was read refers to every Secret already',
  [`resourceWrites ${metrics}`]: 'the file says it, or nothing is required',
  [`resourceWrites ${files}`]: 'nothing is required',
  'runningFlags k8s.apiserver/flagz': 'a provider runs the control plane, and nothing starts it here',
  [`secretReads ${metrics}`]: '/flagz says that nothing is encrypted',
  'secretStores k8s.externalsecrets/kustomizations': 'another tool was found',
  [`secretWrites ${metrics}`]: 'the file says it',
  'secretWrites k8s.nodes/nodes': 'the file is that of the only API server, wherever it runs',
  'secretWrites node.evidence/nodes': 'without the node the file is one that a person handed in',
  'serverCertificates k8s.apiservers/endpointslices': 'as many processes as there are leases answered at addresses that were read',
  'serverCertificates k8s.apiservers/statusz': 'the same',
  [`serverCertificates ${leases}`]: 'the CA by which the collector trusts is that of all API servers',
};

describe.each(losses)('a listing of which something was there is now %s', (_, changeOf) => {
  test('nothing passes', () => {
    const kept = cases.flatMap((each) =>
      each.kinds
        .filter((kind) => holds(each, kind) && !Object.hasOwn(notNeeded, `${each.control.population} ${kind}`))
        .filter((kind) => isKept(each, changed(each, kind, changeOf(kind))))
        .map((kind) => `${told(each)}: ${kind}`),
    );
    expect(kept).toEqual([]);
  });
});

describe.each(['cluster', 'files'] as const)('of a %s', (scope) => {
  test.each<readonly [string, (reader: EvidenceReader, kind: ListingKind) => StoredListing | undefined]>([
    ['nothing was collected', () => undefined],
    [
      'nothing may be read',
      (reader, kind) => {
        const listing = reader.listing(kind);
        return listing && { ...listing, items: 0, gaps: [gap('forbidden', kind)] };
      },
    ],
  ])('%s, so no control has an outcome', (_, listing) => {
    const told = new Set(
      cases.map(({ control, reader }) => {
        const kinds = reader.listings().map(({ kind }) => kind);
        const bare: EvidenceReader = {
          scope,
          cluster: reader.cluster,
          at: reader.at,
          run: null,
          listings: () => kinds.flatMap((kind) => listing(reader, kind) ?? []),
          listing: (kind) => listing(reader, kind),
          objects: () => [],
          previous: () => null,
        };
        return assessControls([control], { reader: bare, populations, techniques })[0]?.outcome;
      }),
    );
    expect([...told]).toEqual(['notAssessed']);
  });
});

const renewed = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };

/** A lease that holds, of an API server that nothing else shows. */
function hidden(name: string): StoredObject {
  const metadata = { name, namespace: 'kube-system', uid: name, labels: { 'apiserver.kubernetes.io/identity': 'kube-apiserver' } };
  return { ...renewed, type: 'Lease', namespace: 'kube-system', name, uid: name, id: name, body: { ...renewed, metadata, spec: {} } };
}

/** By population: why its rows are not of API servers, or of hosts of the control plane. */
const ofOthers: Readonly<Record<string, string>> = {
  auditPolicyRequests: 'of policies that a person handed in, who says whose they are',
  bootstrapTokens: 'there is no token that could be signed in with',
  kubeProxies: 'of nodes that the cluster lists',
  kubeletSettings: 'of nodes that the cluster lists',
  nodeFiles: 'of nodes that the cluster lists',
  kubeadmFlags: 'kubeadm did not make the cluster',
  podAdmission: 'of namespaces whose labels say it',
  podGuards: 'of namespaces whose labels say it',
  runningFlags: 'a provider runs the control plane',
  serverCertificates: 'of CAs, which are the same for all',
};

const unknownServers: readonly (readonly [string, Change])[] = [
  [
    'four more API servers are alive, and nothing else shows them',
    {
      listing: (listing) => listing && { ...listing, items: listing.items + 4 },
      objects: (objects) => [...objects, ...['zz-1', 'zz-2', 'zz-3', 'zz-4'].map(hidden)],
    },
  ],
  [
    'how many API servers there are may not be read',
    { listing: (listing) => listing && { ...listing, items: 0, gaps: [gap('forbidden', leases)] }, objects: () => [] },
  ],
];

describe.each(unknownServers)('%s', (_, change) => {
  test('nothing of the control plane passes', () => {
    const kept = cases
      .filter(({ control, kinds }) => kinds.includes(leases) && !Object.hasOwn(ofOthers, control.population))
      .filter((each) => isKept(each, changed(each, leases, change)));
    expect(kept.map(told)).toEqual([]);
  });
});

test('what was read on nodes, or said by a provider, says nothing two months later', () => {
  const aged = cases.filter(({ reader }) =>
    (['node.evidence/nodes', 'files.provider/answers'] as const).some((kind) => [...reader.objects(kind)].length > 0),
  );
  const later = (at: string) => new Date(Date.parse(at) + 60 * 86_400_000).toISOString();
  expect(aged.length).toBeGreaterThan(100);
  expect(aged.filter((each) => isKept(each, changed(each, null, { at: later(each.reader.at) }))).map(told)).toEqual([]);
});

test('each exception is still needed', () => {
  const needed = (name: string, kind: string) =>
    cases.some(
      (each) =>
        each.control.population === name &&
        each.kinds.some((own) => own === kind && losses.some(([, changeOf]) => isKept(each, changed(each, own, changeOf(own))))),
    );
  expect(Object.keys(notNeeded).filter((key) => !needed(...(key.split(' ') as [string, string])))).toEqual([]);
  const keeps = (name: string) =>
    cases.some(
      (each) => each.control.population === name && unknownServers.some(([, change]) => isKept(each, changed(each, leases, change))),
    );
  expect(Object.keys(ofOthers).filter((name) => !keeps(name))).toEqual([]);
});
