/**
 * What a provider's own tools answer about a cluster, handed in as files: the settings of the side that the cluster does not show. Of an
 * answer only known fields are kept, each of the type that it must have; of certificates only the fingerprint, to tell whose cluster it is.
 */
import { createHash } from 'node:crypto';
import type { Collector, Json, JsonObject, ListingKind, RawObject } from '../model/index.ts';
import { at, clip, isObject, textAt } from '../model/index.ts';
import { decodeNothing } from './decode.ts';
import { type AnswerKind, pickFields, providerPaths, WrongField } from './provider-fields.ts';

export const providerAnswers: ListingKind = 'files.provider/answers';
const group = 'provider.kubevidence.io';
export const providerAnswerType = { apiVersion: `${group}/v1`, kind: 'ProviderAnswer' } as const;

export const providerFile: Collector = {
  kind: 'files.provider',
  version: 2,
  title: "Answers of a provider's tools about a cluster that it runs",
  listings: [
    {
      kind: providerAnswers,
      needs: [],
      withoutIt: 'what a provider keeps to itself on EKS, GKE and AKS (audit logs, keys, who reaches the API) is known from no file',
      requests: () => [],
      decode: decodeNothing,
      keep: [
        'answer',
        'cluster',
        'takenAt',
        'takenFrom',
        'fingerprints',
        'endpoints',
        'whole',
        'issued',
        ...providerPaths.filter((path) => path !== 'configurationValues').map((path) => `settings.${path}`),
        // In a recording of a version that kept all of it, whatever is recognised.
        { path: 'settings.configurationValues', as: 'text' },
      ],
      since: 1,
      assurance: 'configured',
      accepts: [{ group, kind: providerAnswerType.kind }],
    },
  ],
};

export type ReadAnswer =
  | { readonly object: RawObject }
  | { readonly problem: { readonly key: string; readonly message: string }; readonly command: string };

interface Recognised {
  readonly kind: AnswerKind;
  readonly answer: JsonObject;
  /** Where it stands in the document. */
  readonly prefix: string;
}

/** What prints each answer, for people. */
export const commandOf: Readonly<Record<AnswerKind, string>> = {
  'eks-cluster': 'aws eks describe-cluster',
  'eks-nodegroup': 'aws eks describe-nodegroup',
  'eks-addon': 'aws eks describe-addon',
  'eks-log-group': 'aws logs describe-log-groups',
  'gke-cluster': 'gcloud container clusters describe',
  'aks-cluster': 'az aks show',
  'aks-diagnostics': 'az monitor diagnostic-settings list',
};

/**
 * Answers in a document that is no Kubernetes object; undefined when it is none of the known ones. When it was taken: as its key `takenAt`
 * says, else the date of the response (`ResponseMetadata` of AWS), else `modifiedAt` of the file, which is no proof and is named so.
 */
export function readProviderAnswers(document: unknown, modifiedAt: Date): readonly ReadAnswer[] | undefined {
  if (!isObject(document)) return undefined;
  const found = recognise(document);
  return found.length === 0 ? undefined : found.map((each) => read(each, document, modifiedAt));
}

function read({ kind, answer, prefix }: Recognised, document: JsonObject, modifiedAt: Date): ReadAnswer {
  try {
    const time = timeOf(document, modifiedAt);
    const settings = reduced(pickFields(kind, answer, prefix));
    const cluster = clusterOf(kind, settings);
    if (cluster === '') throw new WrongField(joined(prefix, identifying[kind]), 'the cluster is to be named here');
    return {
      object: {
        ...providerAnswerType,
        metadata: { name: clip([kind, cluster, partOf(kind, settings), time.takenAt].filter((part) => part !== '').join(' '), 500) },
        answer: kind,
        cluster,
        ...time,
        fingerprints: fingerprintsOf(kind, answer, prefix),
        endpoints: endpointsOf(settings),
        whole: isWhole(kind, answer),
        issued: isIssued(answer),
        settings,
      },
    };
  } catch (error) {
    if (!(error instanceof WrongField)) throw error;
    return { problem: { key: clip(error.key, 200), message: error.message }, command: commandOf[kind] };
  }
}

/** What an add-on is configured with is a text of the user's, in which keys of services stand too: only the setting that is asked for stays. */
function reduced({ configurationValues, ...rest }: JsonObject): JsonObject {
  if (typeof configurationValues !== 'string') return rest;
  const said = configurationValues.match(/(?:^|[\s{,"'])enableNetworkPolicy["']?\s*:\s*["']?(?:true|false)["']?\s*(?:[,}\n]|$)/g) ?? [];
  return { ...rest, configurationValues: said.join('') };
}

const typeIn = (value: JsonObject) => (textAt(value, 'type') ?? '').toLowerCase();

function recognise(document: JsonObject): readonly Recognised[] {
  const one = (kind: AnswerKind, answer: Json | undefined, prefix: string): readonly Recognised[] =>
    isObject(answer) ? [{ kind, answer, prefix }] : [];
  const { cluster, nodegroup, addon, logGroups, value } = document;
  if (isObject(cluster) && isEks(cluster)) return one('eks-cluster', cluster, 'cluster');
  if (isEks(document)) return one('eks-cluster', document, '');
  if (textAt(nodegroup, 'nodegroupName') !== undefined) return one('eks-nodegroup', nodegroup, 'nodegroup');
  if (textAt(addon, 'addonName') !== undefined) return one('eks-addon', addon, 'addon');
  if (Array.isArray(logGroups))
    return (logGroups as Json[]).flatMap((each, index) =>
      /^\/aws\/eks\/.+\/cluster$/.test(textAt(each, 'logGroupName') ?? '') ? one('eks-log-group', each, `logGroups[${index}]`) : [],
    );
  if (isGke(document)) return one('gke-cluster', document, '');
  if (typeIn(document) === 'microsoft.containerservice/managedclusters') return one('aks-cluster', flat(document), '');
  if (isDiagnostics(document)) return one('aks-diagnostics', flat(document), '');
  if (Array.isArray(value))
    return (value as Json[]).flatMap((each, index) =>
      isObject(each) && isDiagnostics(each) ? one('aks-diagnostics', flat(each), `value[${index}]`) : [],
    );
  return [];
}

const isEks = (value: JsonObject) =>
  /^arn:[^:]+:eks:[^:]*:[^:]*:cluster\//.test(textAt(value, 'arn') ?? '') ||
  (isObject(value['resourcesVpcConfig']) && isObject(value['certificateAuthority']));
const isGke = (value: JsonObject) =>
  /container\.googleapis\.com\/.*\/clusters\/[^/]+$/.test(textAt(value, 'selfLink') ?? '') ||
  (Object.hasOwn(value, 'masterAuth') && Object.hasOwn(value, 'currentMasterVersion'));
const isDiagnostics = (value: JsonObject) =>
  /\/managedclusters\/[^/]+\/providers\/microsoft\.insights\/diagnosticsettings\/[^/]+$/i.test(textAt(value, 'id') ?? '');

/** REST answers of Azure have most fields below `properties`, those of its CLI beside the name. */
function flat(value: JsonObject): JsonObject {
  const { properties, ...rest } = value;
  return isObject(properties) ? { ...properties, ...rest } : value;
}

const identifying: Readonly<Record<AnswerKind, string>> = {
  'eks-cluster': 'arn',
  'eks-nodegroup': 'clusterName',
  'eks-addon': 'clusterName',
  'eks-log-group': 'logGroupName',
  'gke-cluster': 'selfLink',
  'aks-cluster': 'id',
  'aks-diagnostics': 'id',
};

/** What tells a cluster from all others of its provider, as far as the answer says; only its name for parts of an EKS cluster. */
function clusterOf(kind: AnswerKind, settings: JsonObject): string {
  const text = (key: string) => textAt(settings, key) ?? '';
  if (kind === 'eks-cluster') return text('arn');
  if (kind === 'eks-nodegroup') return eksCluster(text('nodegroupArn'), 'nodegroup') ?? text('clusterName');
  if (kind === 'eks-addon') return eksCluster(text('addonArn'), 'addon') ?? text('clusterName');
  if (kind === 'eks-log-group') {
    const name = text('logGroupName').slice('/aws/eks/'.length, -'/cluster'.length);
    const [, partition, region, account] = /^arn:([^:]+):logs:([^:]+):([^:]+):/.exec(text('arn')) ?? [];
    return partition === undefined ? name : `arn:${partition}:eks:${region}:${account}:cluster/${name}`;
  }
  if (kind === 'gke-cluster') return /projects\/.+$/.exec(text('selfLink'))?.[0] ?? '';
  return (/^.*\/managedclusters\/[^/]+/i.exec(text('id'))?.[0] ?? '').toLowerCase();
}

function eksCluster(arn: string, part: string): string | undefined {
  const [, base, name] = new RegExp(`^(arn:[^:]+:eks:[^:]*:[^:]*):${part}/([^/]+)/`).exec(arn) ?? [];
  return base === undefined ? undefined : `${base}:cluster/${name}`;
}

function partOf(kind: AnswerKind, settings: JsonObject): string {
  const key = { 'eks-nodegroup': 'nodegroupName', 'eks-addon': 'addonName', 'aks-diagnostics': 'name' }[kind as string];
  return key === undefined ? '' : (textAt(settings, key) ?? '');
}

function timeOf(document: JsonObject, modifiedAt: Date): { readonly takenAt: string; readonly takenFrom: string } {
  const stated = document['takenAt'];
  if (stated !== undefined) {
    const form = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;
    const time = typeof stated === 'string' && form.test(stated) ? new Date(stated) : new Date(Number.NaN);
    if (Number.isNaN(time.getTime())) throw new WrongField('takenAt', 'a time such as 2026-08-14T12:00:00Z is expected here');
    return { takenAt: time.toISOString(), takenFrom: 'what the file says' };
  }
  const headers = at(document, 'ResponseMetadata', 'HTTPHeaders');
  const answered = Date.parse(textAt(headers, 'date') ?? textAt(headers, 'Date') ?? '');
  return Number.isNaN(answered)
    ? { takenAt: modifiedAt.toISOString(), takenFrom: "the file's time, which is no proof" }
    : { takenAt: new Date(answered).toISOString(), takenFrom: 'the date of the response' };
}

/** SHA-256, hex, over the DER of each certificate of the cluster's CA, in small letters and sorted. */
function fingerprintsOf(kind: AnswerKind, answer: JsonObject, prefix: string): readonly string[] {
  const path = { 'eks-cluster': ['certificateAuthority', 'data'], 'gke-cluster': ['masterAuth', 'clusterCaCertificate'] }[kind as string];
  if (path === undefined) return [];
  const data = at(answer, ...path);
  if (data === undefined || data === null || data === '') return [];
  const text = typeof data === 'string' && data.length < 1_000_000 ? Buffer.from(data, 'base64').toString('latin1') : '';
  const found = [...text.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g)].map(([, body = '']) =>
    createHash('sha256').update(Buffer.from(body, 'base64')).digest('hex'),
  );
  if (found.length === 0) throw new WrongField(joined(prefix, path.join('.')), 'certificates in base64 are expected here');
  return [...new Set(found)].sort();
}

/** Hosts under which the API server is reached. */
function endpointsOf(settings: JsonObject): readonly string[] {
  const control = at(settings, 'controlPlaneEndpointsConfig');
  const all = [
    textAt(settings, 'endpoint'),
    ...['fqdn', 'privateFqdn', 'azurePortalFqdn'].map((key) => textAt(settings, key)),
    ...['privateEndpoint', 'publicEndpoint'].map((key) => textAt(settings, 'privateClusterConfig', key)),
    ...['privateEndpoint', 'publicEndpoint'].map((key) => textAt(control, 'ipEndpointsConfig', key)),
    textAt(control, 'dnsEndpointConfig', 'endpoint'),
  ].flatMap((each) =>
    each === undefined || each === ''
      ? []
      : [
          each
            .replace(/^https:\/\//, '')
            .replace(/[:/].*$/, '')
            .toLowerCase(),
        ],
  );
  return [...new Set(all)].sort();
}

/** What the tools always print: where one of them is missing, somebody chose among the fields, and what is absent says nothing. */
const parts: Readonly<Partial<Record<AnswerKind, readonly string[]>>> = {
  'eks-cluster': ['name', 'arn', 'version', 'status', 'resourcesVpcConfig', 'logging', 'certificateAuthority', 'kubernetesNetworkConfig'],
  'gke-cluster': [
    'name',
    'selfLink',
    'currentMasterVersion',
    'status',
    'masterAuth',
    'networkConfig',
    'addonsConfig',
    'databaseEncryption',
    'nodePools',
  ],
  'aks-cluster': ['id', 'name', 'kubernetesVersion', 'provisioningState', 'networkProfile', 'agentPoolProfiles', 'nodeResourceGroup'],
};

/** GKE: the answer holds a client certificate, or the password of basic authentication. That they are there is kept, and nothing of them. */
function isIssued(answer: JsonObject): boolean {
  return ['clientCertificate', 'clientKey', 'password'].some((key) => (textAt(answer, 'masterAuth', key) ?? '') !== '');
}

function isWhole(kind: AnswerKind, answer: JsonObject): boolean {
  return (parts[kind] ?? []).every((key) => Object.hasOwn(answer, key));
}

function joined(prefix: string, key: string): string {
  return prefix === '' ? key : `${prefix}.${key}`;
}
