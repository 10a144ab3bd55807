/** A KubeletConfiguration handed in as a file: what the kubelet is told. An explicit list, because a header in it can carry a token. */
import type { Collector } from '../model/index.ts';
import { decodeNothing } from './decode.ts';

/** The fields of kubelet.config.k8s.io that controls read; `staticPodURLHeader` above all is not here. */
export const kubeletFields: readonly string[] = [
  'address',
  'authentication.anonymous.enabled',
  'authentication.webhook.enabled',
  'authentication.webhook.cacheTTL',
  'authentication.x509.clientCAFile',
  'authorization.mode',
  'clientCAFile',
  'containerLogMaxFiles',
  'containerLogMaxSize',
  'enableDebuggingHandlers',
  'eventBurst',
  'eventRecordQPS',
  'featureGates',
  'healthzBindAddress',
  'healthzPort',
  'hostnameOverride',
  'imagePullCredentialsVerificationPolicy',
  'makeIPTablesUtilChains',
  'maxPods',
  'podPidsLimit',
  'port',
  'protectKernelDefaults',
  'readOnlyPort',
  'rotateCertificates',
  'seccompDefault',
  'serverTLSBootstrap',
  'staticPodPath',
  'streamingConnectionIdleTimeout',
  'tlsCertFile',
  'tlsCipherSuites',
  'tlsMinVersion',
  'tlsPrivateKeyFile',
];

export const kubeletFile: Collector = {
  kind: 'files.kubelet',
  version: 1,
  title: 'Kubelet configuration files',
  listings: [
    {
      kind: 'files.kubelet/kubeletconfigurations',
      needs: [],
      withoutIt: 'the settings of kubelets cannot be assessed',
      requests: () => [],
      decode: decodeNothing,
      keep: [...kubeletFields],
      assurance: 'configured',
      accepts: [{ group: 'kubelet.config.k8s.io', kind: 'KubeletConfiguration' }],
    },
  ],
};
