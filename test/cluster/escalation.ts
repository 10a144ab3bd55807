/**
 * Escalations as somebody with few rights would perform them on a real cluster. Each scenario gives a user the rights that a technique
 * needs, or in its fixed variant the rights without what matters, and tries. Each user has a client certificate, and each variant a
 * namespace with an account `strong` that holds every right: who becomes it may read the Secrets of kube-system.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import type { KubeObject, TestCluster } from './index.ts';
import { waitFor } from './processes.ts';

export const rbac = 'rbac.authorization.k8s.io';
export const node = 'control-plane-1';

export interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

export const rule = (verbs: string, resources: string, group = '', ...resourceNames: string[]): Rule => ({
  verbs: verbs.split(' '),
  apiGroups: [group],
  resources: resources.split(' '),
  ...(resourceNames.length === 0 ? {} : { resourceNames }),
});

interface Credential {
  readonly token?: string;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- what the API answers, read as a person at a shell reads it
  readonly body: any;
}

export interface Actor {
  send(method: string, path: string, body?: unknown): Promise<Answer>;
  /** A merge patch; `strategic`: one that merges lists of containers by their names. */
  patch(path: string, body: unknown, strategic?: boolean): Promise<Answer>;
}

/** Speaks to the API server as whoever the credential is. */
export function actAs(cluster: { readonly server: string; readonly caFile?: string }, credential: Credential): Actor {
  // A kubelet's certificate is its own.
  const rejectUnauthorized = cluster.caFile !== undefined;
  const ca = cluster.caFile === undefined ? undefined : readFileSync(cluster.caFile);
  const agent = new Agent({ ca, rejectUnauthorized, cert: credential.cert, key: credential.key, keepAlive: false });
  const send = (method: string, path: string, body: unknown, contentType: string) =>
    new Promise<Answer>((resolve, reject) => {
      const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
      const headers: OutgoingHttpHeaders = { accept: 'application/json', ...credential.headers };
      if (credential.token !== undefined) headers['authorization'] = `Bearer ${credential.token}`;
      if (bytes) Object.assign(headers, { 'content-type': contentType, 'content-length': bytes.length });
      const request = httpsRequest(new URL(path, cluster.server), { method, agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          let parsed: unknown = text;
          try {
            parsed = JSON.parse(text);
          } catch {
            // Not every path of a kubelet answers with JSON.
          }
          resolve({ status: response.statusCode ?? 0, body: parsed });
        });
      });
      request.on('error', reject);
      request.end(bytes);
    });
  return {
    send: (method, path, body) => send(method, path, body, 'application/json'),
    patch: (path, body, strategic = false) => send('PATCH', path, body, `application/${strategic ? 'strategic-' : ''}merge-patch+json`),
  };
}

/** The credential in a kubeconfig of the harness. */
export function credentialOf(kubeconfig: string): Credential {
  const { users } = JSON.parse(readFileSync(kubeconfig, 'utf8')) as {
    users: { user: { token?: string; 'client-certificate-data'?: string; 'client-key-data'?: string } }[];
  };
  const user = users[0]?.user ?? {};
  const decode = (text = '') => Buffer.from(text, 'base64');
  return user.token !== undefined
    ? { token: user.token }
    : { cert: decode(user['client-certificate-data']), key: decode(user['client-key-data']) };
}

/** Whether somebody has come as far as one can. */
export async function isAdmin(actor: Actor): Promise<boolean> {
  return (await actor.send('GET', '/api/v1/namespaces/kube-system/secrets')).status === 200;
}

export interface Attempt {
  readonly cluster: TestCluster;
  readonly namespace: string;
  readonly user: string;
  readonly actor: Actor;
  readonly credential: Credential;
}

export interface Scenario {
  /** Of the technique that is performed. */
  readonly technique: string;
  /** Where several scenarios perform one technique. */
  readonly variant?: string;
  /** Rights in the namespace, of the weak user and of the one in the fixed variant. */
  readonly local?: (fixed: boolean) => readonly Rule[];
  /** Rights cluster-wide. */
  readonly wide?: (fixed: boolean, user: string) => readonly Rule[];
  readonly labels?: (fixed: boolean) => Readonly<Record<string, string>>;
  /** What else there is. */
  readonly given?: (namespace: string, user: string, fixed: boolean) => readonly KubeObject[];
  /** Whether it worked. */
  readonly perform: (attempt: Attempt) => Promise<boolean>;
  /** What the graph says of the weak user; default certain. */
  readonly hop?: 'certain' | 'possible';
  /** What it says of the fixed variant; default that there is none. */
  readonly fixed?: 'none' | 'possible';
  /** No account `strong` in the namespace: the way leads elsewhere. */
  readonly weakNamespace?: boolean;
}

export const nameOf = ({ technique, variant }: Scenario) => (variant === undefined ? technique : `${technique}-${variant}`);

export const subject = (name: string) => ({ apiGroup: rbac, kind: 'User', name });
export const bindTo = (name: string, role: string, who: object, namespace?: string): KubeObject => ({
  apiVersion: `${rbac}/v1`,
  kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
  subjects: [who],
});
export const clusterRole = (name: string, rules: readonly Rule[], more: object = {}): KubeObject => ({
  apiVersion: `${rbac}/v1`,
  kind: 'ClusterRole',
  metadata: { name },
  rules,
  ...more,
});
export const strongRole = 'escalation-strong';
export const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };

/** Everything that one variant of a scenario needs. */
export function objectsOf(scenario: Scenario, fixed: boolean): readonly KubeObject[] {
  const user = userOf(scenario, fixed);
  const namespace = user;
  const local = scenario.local?.(fixed) ?? [];
  const wide = scenario.wide?.(fixed, user) ?? [];
  const accounts = [...(scenario.weakNamespace ? [] : ['strong']), 'weak', 'harmless'];
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: scenario.labels?.(fixed) ?? { 'pod-security.kubernetes.io/enforce': 'baseline' } },
    },
    ...accounts.map((name): KubeObject => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } })),
    ...(scenario.weakNamespace ? [] : [bindTo(`${user}-strong`, strongRole, { kind: 'ServiceAccount', namespace, name: 'strong' })]),
    ...(local.length === 0
      ? []
      : [clusterRole(`${user}-local`, local), bindTo(`${user}-local`, `${user}-local`, subject(user), namespace)]),
    ...(wide.length === 0 ? [] : [clusterRole(`${user}-wide`, wide), bindTo(`${user}-wide`, `${user}-wide`, subject(user))]),
    ...(scenario.given?.(namespace, user, fixed) ?? []),
  ];
}

export const userOf = (scenario: Scenario, fixed: boolean) => `e-${nameOf(scenario)}${fixed ? '-fixed' : ''}`;

export const image = 'registry.example.com/attacker:1';
export const podOf = (namespace: string, name: string, account: string, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: { serviceAccountName: account, nodeName: node, containers: [{ name: 'app', image }], terminationGracePeriodSeconds: 0, ...more },
});
export const privilegedPod = (namespace: string) =>
  podOf(namespace, 'root', 'weak', {
    hostPID: true,
    containers: [{ name: 'app', image, securityContext: { privileged: true }, volumeMounts: [{ name: 'host', mountPath: '/host' }] }],
    volumes: [{ name: 'host', hostPath: { path: '/' } }],
  });
export const templateOf = (account: string) => ({
  metadata: { labels: { app: 'web' } },
  spec: { serviceAccountName: account, nodeName: node, containers: [{ name: 'app', image }], terminationGracePeriodSeconds: 0 },
});

/** The token that the kubelet wrote into a pod, as a process in its container would read it. */
async function tokenInPod({ cluster }: Attempt, uid: string): Promise<string> {
  const volumes = join(cluster.dir, 'kubelet', 'root', 'pods', uid, 'volumes', 'kubernetes.io~projected');
  const find = () =>
    existsSync(volumes)
      ? readdirSync(volumes)
          .map((each) => join(volumes, each, 'token'))
          .find((file) => existsSync(file))
      : undefined;
  await waitFor(`the token in pod ${uid}`, 60_000, [], cluster.dir, () => Promise.resolve(find() !== undefined));
  return readFileSync(find() ?? '', 'utf8');
}

/** Whether the token in a pod, found by its labels or name with the admin's eyes, is that of an administrator. */
export async function podIsAdmin(
  attempt: Attempt,
  fits: (pod: { metadata: { name: string; uid: string }; spec: { serviceAccountName: string } }) => boolean,
) {
  const { cluster, namespace } = attempt;
  interface List {
    items: { metadata: { name: string; uid: string }; spec: { serviceAccountName: string } }[];
  }
  let uid: string | undefined;
  await waitFor(`a pod in ${namespace}`, 60_000, [], cluster.dir, async () => {
    const { items } = await cluster.admin.json<List>('GET', `/api/v1/namespaces/${namespace}/pods`);
    uid = items.find(fits)?.metadata.uid;
    return uid !== undefined;
  });
  return isAdmin(actAs(cluster, { token: await tokenInPod(attempt, uid ?? '') }));
}

export const isStrong = ({ spec }: { spec: { serviceAccountName: string } }) => spec.serviceAccountName === 'strong';

export async function requestToken({ cluster, namespace, actor }: Attempt, account: string, more: object = {}): Promise<boolean> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: more };
  const { status, body: answer } = await actor.send('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`, body);
  return status === 201 && (await isAdmin(actAs(cluster, { token: answer.status.token })));
}

/** A certificate request with a key of its own; the certificate when somebody issues it. */
export async function certify(
  { cluster, actor, user }: Attempt,
  signerName: string,
  subjectName: string,
  approve: boolean,
): Promise<Credential | undefined> {
  const key = join(cluster.dir, `${user}.attack.key`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const pem = openssl(
    'req',
    '-new',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    key,
    '-subj',
    subjectName,
  );
  const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const made = await actor.send('POST', path, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: user },
    spec: { request: pem.toString('base64'), signerName, usages: ['digital signature', 'client auth'] },
  });
  if (made.status !== 201) return undefined;
  if (approve) {
    const condition = { type: 'Approved', status: 'True', reason: 'Attack', message: 'by the requester' };
    const approved = await actor.send('PUT', `${path}/${user}/approval`, { ...made.body, status: { conditions: [condition] } });
    if (approved.status !== 200) return undefined;
  }
  for (let attempts = 0; attempts < 30; attempts++) {
    const { body } = await actor.send('GET', `${path}/${user}`);
    if (body.status?.certificate) return { cert: Buffer.from(body.status.certificate, 'base64'), key: readFileSync(key) };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return undefined;
}

export async function eventually(what: () => Promise<boolean>, tries = 40): Promise<boolean> {
  for (let count = 0; count < tries; count++) {
    if (await what()) return true;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return false;
}

export const podsPath = ({ namespace }: Pick<Attempt, 'namespace'>) => `/api/v1/namespaces/${namespace}/pods`;

/** A pod with the node's root directory, running there: what it contains can be read is up to the runtime, which is a fake here. */
export async function runsOnNode({ cluster, namespace }: Attempt, name: string): Promise<boolean> {
  return eventually(async () => {
    const { body, status } = await cluster.admin.send('GET', `/api/v1/namespaces/${namespace}/pods/${name}`);
    return status === 200 && (JSON.parse(body) as { status: { phase?: string } }).status.phase === 'Running';
  }, 120);
}
