/**
 * Custom resources that bring Secrets, or say when a certificate ends, with their definitions: as the tools serve them, but for validation.
 * `canary` stands wherever such an object can hold a value, an address or a name that must not be kept.
 */
import type { KubeObject } from './client.ts';

const kinds = [
  ['cert-manager.io', 'v1', 'certificates', 'Certificate', 'Namespaced'],
  ['external-secrets.io', 'v1', 'externalsecrets', 'ExternalSecret', 'Namespaced'],
  ['external-secrets.io', 'v1', 'secretstores', 'SecretStore', 'Namespaced'],
  ['external-secrets.io', 'v1', 'clustersecretstores', 'ClusterSecretStore', 'Cluster'],
  ['bitnami.com', 'v1alpha1', 'sealedsecrets', 'SealedSecret', 'Namespaced'],
] as const;

/** CustomResourceDefinitions that keep whatever they are given. */
export function storeDefinitions(): KubeObject[] {
  return kinds.map(([group, version, plural, kind, scope]) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  }));
}

export function storeObjects(canary: string): KubeObject[] {
  const metadata = (name: string) => ({ name, namespace: 'clinic', annotations: { 'example.com/note': `store-${canary}` } });
  const conditions = (type: string, status: string) => [{ type, status, reason: 'Example', message: `condition-${canary}` }];
  return [
    {
      apiVersion: 'cert-manager.io/v1',
      kind: 'Certificate',
      metadata: metadata('web'),
      spec: {
        secretName: 'web-tls',
        issuerRef: { kind: 'ClusterIssuer', name: 'ca' },
        dnsNames: ['clinic.example.com'],
        keystores: { pkcs12: { create: true, password: `keystore-${canary}` } },
      },
      status: { notAfter: '2020-01-01T00:00:00Z', conditions: conditions('Ready', 'True') },
    },
    {
      apiVersion: 'external-secrets.io/v1',
      kind: 'ExternalSecret',
      metadata: metadata('patient-db'),
      spec: {
        secretStoreRef: { kind: 'SecretStore', name: 'vault' },
        target: { name: 'patient-db', template: { data: { url: `template-${canary}` } } },
        data: [{ secretKey: 'password', remoteRef: { key: `remote-${canary}` } }],
      },
      status: { conditions: conditions('Ready', 'False') },
    },
    {
      apiVersion: 'external-secrets.io/v1',
      kind: 'SecretStore',
      metadata: metadata('vault'),
      spec: { provider: { vault: { server: `https://${canary}.example.com`, auth: { tokenSecretRef: { name: `token-${canary}` } } } } },
      status: { conditions: conditions('Ready', 'True') },
    },
    {
      apiVersion: 'bitnami.com/v1alpha1',
      kind: 'SealedSecret',
      metadata: metadata('mail'),
      spec: { encryptedData: { password: `sealed-${canary}` }, template: { data: { user: `template-${canary}` } } },
      status: { conditions: conditions('Synced', 'True') },
    },
  ];
}
