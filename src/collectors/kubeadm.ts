/**
 * Three ConfigMaps of kube-system, by name: what kubeadm was told (intent, not what runs) and since when legacy token use is tracked.
 * Their YAML is read here, so that known flags and fields keep their values and everything else of the data leaves only its key.
 */
import { parse } from 'yaml';
import type { Collector, Json, JsonObject, Keep, RawObject, RequestSpec } from '../model/index.ts';
import { at, isObject, KubevidenceError, textAt } from '../model/index.ts';
import { decodeObject, notWhatWasAsked } from './decode.ts';
import { kubeletFields } from './kubelet-file.ts';

const configMaps = ['kubeadm-config', 'kubelet-config', 'kube-apiserver-legacy-service-account-token-tracking'] as const;

const components: readonly (readonly string[])[] = [['apiServer'], ['controllerManager'], ['scheduler'], ['etcd', 'local']];

/** Reads the YAML inside a kubeadm ConfigMap into `clusterConfiguration` or `kubeletConfiguration`; leaves others as they are. */
export function expandConfigMap(map: RawObject): RawObject {
  const cluster = textAt(map, 'data', 'ClusterConfiguration');
  const kubelet = textAt(map, 'data', 'kubelet');
  if (cluster !== undefined) return { ...map, clusterConfiguration: withFlags(document(cluster, 'ClusterConfiguration')) };
  if (kubelet !== undefined) return { ...map, kubeletConfiguration: document(kubelet, 'KubeletConfiguration') };
  return map;
}

function document(text: string, kind: string): JsonObject {
  let value: unknown;
  try {
    // A warning goes to standard error and quotes the text around the fault, as an error does: neither is told.
    value = parse(text, { maxAliasCount: 0, version: '1.1', logLevel: 'error' });
  } catch {
    throw new KubevidenceError('input', `the ${kind} inside the ConfigMap is not YAML`);
  }
  if (!isObject(value)) throw new KubevidenceError('input', `the ${kind} inside the ConfigMap is no mapping`);
  return value;
}

/** extraArgs is a map up to v1beta3 and a list of {name, value} from v1beta4: both become `--name=value`. */
function withFlags(configuration: JsonObject): JsonObject {
  const copy = structuredClone(configuration);
  for (const path of components) {
    const component = at(copy, ...path);
    if (!isObject(component)) continue;
    const { extraArgs } = component;
    const pairs = Array.isArray(extraArgs)
      ? (extraArgs as Json[]).map((entry) => [at(entry, 'name'), at(entry, 'value')])
      : Object.entries(isObject(extraArgs) ? extraArgs : {});
    Object.assign(component, { extraArgs: pairs.map(([name, value]) => `--${scalar(name)}=${scalar(value)}`) });
  }
  return copy;
}

function scalar(value: Json | undefined): string {
  return typeof value === 'object' || value === undefined ? '' : String(value);
}

export function isKubeadmConfigMap(map: RawObject): boolean {
  const name = textAt(map, 'metadata', 'name') ?? '';
  return textAt(map, 'metadata', 'namespace') === 'kube-system' && (configMaps as readonly string[]).includes(name);
}

const keep: readonly Keep[] = [
  { path: 'data', as: 'names' },
  'data.since',
  'clusterConfiguration.apiVersion',
  'clusterConfiguration.kubernetesVersion',
  'clusterConfiguration.certificatesDir',
  'clusterConfiguration.encryptionAlgorithm',
  'clusterConfiguration.featureGates',
  { path: 'clusterConfiguration.etcd.external.endpoints', as: 'text' },
  ...components.map((path): Keep => ({ path: `clusterConfiguration.${path.join('.')}.extraArgs`, as: 'arguments' })),
  'kubeletConfiguration.apiVersion',
  ...kubeletFields.map((field) => `kubeletConfiguration.${field}`),
];

export const kubeadm: Collector = {
  kind: 'k8s.kubeadm',
  version: 2,
  title: 'Configuration kept by kubeadm, and tracking of legacy tokens',
  listings: [
    {
      kind: 'k8s.kubeadm/configmaps',
      needs: [{ apiGroup: '', resource: 'configmaps', verb: 'get', resourceNames: configMaps, namespace: 'kube-system' }],
      withoutIt: 'what kubeadm was told, and since when the use of legacy tokens is tracked, stay unknown',
      requests: () =>
        configMaps.map((name) => ({
          path: `/api/v1/namespaces/kube-system/configmaps/${name}`,
          paged: false,
          what: `configmaps/${name} in kube-system`,
        })),
      decode: decodeObject('ConfigMap', (map, request: RequestSpec) => {
        if (!isKubeadmConfigMap(map)) throw notWhatWasAsked(request, 'it is another ConfigMap');
        return expandConfigMap(map);
      }),
      keep,
      since: 1,
      assurance: 'configured',
      accepts: [{ group: '', kind: 'ConfigMap' }],
    },
  ],
};
