/**
 * The provider's answers that are of this cluster, and why others are not used: of another cluster, too old, of a time when it ran another
 * version, or of nobody knows which cluster. What binds an answer is the CA certificate or the endpoint that the collector itself met;
 * where there is neither, the resource group that all nodes name (AKS), or that it was given together with the files of one cluster.
 */
import type { EvidenceReader, Gap, Platform, StoredObject } from '../../model/index.ts';
import { at, clip, isComplete, isObject, listAt, textAt } from '../../model/index.ts';
import { isMarkedControlPlane } from '../control-plane/control-plane.ts';

/** Days for which settings are taken to be as they were read: as with node evidence, a monthly file is enough. */
const lifetimeDays = 35;
/** Clocks may differ by so much. */
const aheadMinutes = 60;

export const answersListing = 'files.provider/answers';

export interface BoundAnswer {
  readonly platform: Platform;
  readonly answer: StoredObject;
  /** What says that it is of this cluster. */
  readonly boundBy: string;
  /** Node groups, add-ons, log groups and diagnostic settings of the same cluster; the latest of each. */
  readonly parts: readonly StoredObject[];
}

export interface AnswerReading {
  readonly bound: BoundAnswer | null;
  /** Why what was given about the cluster is not used. */
  readonly gaps: readonly Gap[];
  /** The same of its parts: what they would say is not told, and all else is. */
  readonly partGaps: readonly Gap[];
}

const platformOf = (answer: StoredObject) => (textAt(answer.body, 'answer') ?? '').split('-')[0] as Platform;
const clusterOf = (answer: StoredObject) => textAt(answer.body, 'cluster') ?? '';
const takenAt = (answer: StoredObject) => Date.parse(textAt(answer.body, 'takenAt') ?? '');

export const tools: Readonly<Record<Platform, string>> = {
  eks: 'aws eks describe-cluster --name NAME --output json',
  gke: 'gcloud container clusters describe NAME --location LOCATION --format json',
  aks: 'az aks show --resource-group GROUP --name NAME --output json',
};

/** What a person does to bring an answer. */
export function bringing(platform: Platform | null): string {
  const command = platform === null ? 'aws eks describe-cluster, gcloud container clusters describe or az aks show' : tools[platform];
  return `put what ${command} prints into the directory that is given to collect --files`;
}

/** Why answers that were given are not used; none where one of them is of this cluster. */
export function unusedAnswers(reader: EvidenceReader): readonly Gap[] {
  const { gaps, partGaps } = readAnswers(reader);
  return [...gaps, ...partGaps];
}

/** Chooses among the answers. Pure: the time is that of the evidence. */
export function readAnswers(reader: EvidenceReader): AnswerReading {
  const all = [...reader.objects(answersListing)];
  const clusters = latest(all.filter((each) => (textAt(each.body, 'answer') ?? '').endsWith('-cluster')));
  const gaps: Gap[] = [];
  const judged = clusters.map((answer) => ({ answer, ...bind(answer, reader, clusters.length) }));
  const mine = judged.filter((each) => each.boundBy !== null);
  // Answers about other clusters lie in the same directory where several clusters are collected: they are no gap where one is of this one.
  if (mine.length === 0) for (const { answer, why } of judged) gaps.push(gapOf(answer, 'error', why));
  const [first, ...others] = mine;
  if (first === undefined) return { bound: null, gaps, partGaps: [] };
  if (others.length > 0)
    return {
      bound: null,
      gaps: mine.map(({ answer }) => gapOf(answer, 'error', 'another answer about another cluster fits as well, so neither counts')),
      partGaps: [],
    };
  const { answer, boundBy } = first;
  const wrong = untimely(answer, reader) ?? otherVersion(answer, reader);
  if (wrong !== null) return { bound: null, gaps: [gapOf(answer, 'stale', wrong)], partGaps: [] };
  const parts: StoredObject[] = [];
  const partGaps: Gap[] = [];
  for (const part of latest(all.filter((each) => !clusters.includes(each) && !isCluster(each) && belongs(each, answer)))) {
    const late = untimely(part, reader);
    if (late === null) parts.push(part);
    else partGaps.push(gapOf(part, 'stale', late));
  }
  return { bound: { platform: platformOf(answer), answer, boundBy: boundBy ?? '', parts }, gaps, partGaps };
}

const isCluster = (each: StoredObject) => (textAt(each.body, 'answer') ?? '').endsWith('-cluster');

/** Of answers about the same thing the one that was taken last. */
function latest(answers: readonly StoredObject[]): readonly StoredObject[] {
  const found = new Map<string, StoredObject>();
  for (const answer of answers) {
    const settings = at(answer.body, 'settings');
    const part = ['nodegroupName', 'addonName', 'logGroupName'].map((key) => textAt(settings, key) ?? '').join(' ');
    const key = `${textAt(answer.body, 'answer')} ${clusterOf(answer)} ${part}${platformOf(answer) === 'aks' ? (textAt(settings, 'name') ?? '') : ''}`;
    const known = found.get(key);
    if (known === undefined || takenAt(known) < takenAt(answer)) found.set(key, answer);
  }
  return [...found.values()];
}

/** Parts of an EKS cluster name it by its ARN, or by nothing but its name. */
function belongs(part: StoredObject, answer: StoredObject): boolean {
  return (
    platformOf(part) === platformOf(answer) &&
    (clusterOf(part) === clusterOf(answer) || clusterOf(part) === (textAt(answer.body, 'settings', 'name') ?? ''))
  );
}

function gapOf(answer: StoredObject, reason: Gap['reason'], detail: string): Gap {
  const file = answer.place === undefined ? '' : ` in ${answer.place.file}, line ${answer.place.line}`;
  const platform = platformOf(answer);
  return {
    reason,
    what: clip(`answer of ${platform.toUpperCase()} about ${clusterOf(answer)}${file}`, 300),
    detail,
    closedBy: `${bringing(platform)}, of this cluster and of now`,
  };
}

function untimely(answer: StoredObject, reader: EvidenceReader): string | null {
  const [now, then] = [Date.parse(reader.at), takenAt(answer)];
  const from = textAt(answer.body, 'takenFrom') ?? '';
  if (Number.isNaN(then)) return 'it does not say when it was taken';
  if (then > now + aheadMinutes * 60_000) return `it says that it was taken at a time that is to come (${from})`;
  return now - then > lifetimeDays * 86_400_000 ? `it was taken more than ${lifetimeDays} days ago (${from})` : null;
}

/** A file from before an upgrade tells what was, and who upgraded may have changed more. */
function otherVersion(answer: StoredObject, reader: EvidenceReader): string | null {
  const settings = at(answer.body, 'settings');
  const told =
    textAt(settings, 'currentMasterVersion') ??
    textAt(settings, 'currentKubernetesVersion') ??
    textAt(settings, 'kubernetesVersion') ??
    textAt(settings, 'version');
  const minor = (version: string | null | undefined) => /^v?(\d+\.\d+)/.exec(version ?? '')?.[1];
  const [then, now] = [minor(told), minor(reader.cluster.version)];
  return then !== undefined && now !== undefined && then !== now
    ? `it is of a time when the cluster ran version ${then}, and it runs ${now}`
    : null;
}

type Binding = { readonly boundBy: string; readonly why: '' } | { readonly boundBy: null; readonly why: string };
const by = (boundBy: string): Binding => ({ boundBy, why: '' });
const not = (why: string): Binding => ({ boundBy: null, why });

const marked = 'a node of this cluster is marked as one of the control plane: no provider runs it';

/** The CA or the endpoint that the collector met stands in an answer, and a node says that there is no provider: one of both is wrong. */
export function isContradicted(reader: EvidenceReader): boolean {
  const { caFingerprint, server } = reader.cluster;
  const host = server === null ? undefined : URL.parse(server)?.hostname.toLowerCase();
  return [...reader.objects(answersListing)].some(
    ({ body }) =>
      (caFingerprint !== null && listAt(body, 'fingerprints').includes(caFingerprint)) ||
      (host !== undefined && listAt(body, 'endpoints').includes(host)),
  );
}

function bind(answer: StoredObject, reader: EvidenceReader, clusters: number): Binding {
  const { caFingerprint, server } = reader.cluster;
  const nodes = [...reader.objects('k8s.nodes/nodes')];
  if (nodes.some(isMarkedControlPlane)) return not(marked);
  const fingerprints = listAt(answer.body, 'fingerprints');
  if (caFingerprint !== null && fingerprints.length > 0)
    return fingerprints.includes(caFingerprint)
      ? by('the certificate of its CA')
      : not('it is of another cluster: its CA certificate is not the one that this cluster answers with');
  const host = server === null ? null : (URL.parse(server)?.hostname ?? null);
  if (host !== null && listAt(answer.body, 'endpoints').includes(host.toLowerCase())) return by('the endpoint of its API server');
  const group = textAt(answer.body, 'settings', 'nodeResourceGroup');
  if (platformOf(answer) === 'aks' && group !== undefined && nodes.length > 0 && isRead(reader))
    return nodes.every(
      (node) => textAt(node.body, 'metadata', 'labels', 'kubernetes.azure.com/cluster')?.toLowerCase() === group.toLowerCase(),
    )
      ? by('the resource group that all its nodes name')
      : not('it is of another cluster: not all nodes name its resource group');
  if (reader.scope === 'cluster')
    return not('nothing shows that it is of this cluster: neither the CA certificate nor the endpoint that was met stands in it');
  const other = nodes.find((node) => !fits(node, platformOf(answer)));
  if (other !== undefined) return not(`node ${clip(other.name, 253)} is none of ${platformOf(answer).toUpperCase()}`);
  return clusters === 1
    ? by('the files that it was given with')
    : not('answers about several clusters are there, and nothing shows which is this one');
}

function isRead(reader: EvidenceReader): boolean {
  const listing = reader.listing('k8s.nodes/nodes');
  return listing !== undefined && isComplete(listing);
}

const machines: Readonly<Record<Platform, RegExp>> = { eks: /^(aws|eks-hybrid):\/\//, gke: /^gce:\/\//, aks: /^azure:\/\// };

function fits(node: StoredObject, platform: Platform): boolean {
  const machine = textAt(node.body, 'spec', 'providerID');
  const labels = at(node.body, 'metadata', 'labels');
  return machine === undefined
    ? platform !== 'aks' || (isObject(labels) && Object.hasOwn(labels, 'kubernetes.azure.com/cluster'))
    : machines[platform].test(machine);
}
