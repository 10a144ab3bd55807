/**
 * A real Kubernetes control plane on loopback for tests: etcd, kube-apiserver and, when asked, controller manager, scheduler and one
 * node. Each cluster has its own directory (only its owner can enter it) and its own free ports, so several run side by side. All of it
 * ends with stop(), and also when the process that started it dies.
 */
import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { ClusterUnavailable, ensureBinaries } from './binaries.ts';
import type { ApiClient, KubeObject } from './client.ts';
import { openClient } from './client.ts';
import { makeCredentials, writeKubeconfig } from './kubeconfig.ts';
import type { Component } from './node.ts';
import { startNode, writeStaticPod } from './node.ts';
import type { Certificate, Pki, Validity } from './pki.ts';
import { openPki } from './pki.ts';
import { choosePorts } from './ports.ts';
import type { ProcessHandle } from './processes.ts';
import { endAll, endProcess, isRunning, startProcess, startReaper, waitFor } from './processes.ts';
import type { Audit, Encryption, Ports } from './settings.ts';
import { apiServerArgs, auditYaml, controllerManagerArgs, encryptionYaml, etcdArgs, schedulerArgs } from './settings.ts';

export type ClusterOptions = {
  /** Of Secrets at rest. Default secretbox. */
  readonly encryption?: Encryption;
  /** Default metadata. */
  readonly audit?: Audit;
  /** `--anonymous-auth`. Default true, as in Kubernetes. */
  readonly anonymous?: boolean;
  /** Controller manager and scheduler. Default: as `node`. Without them nobody makes default ServiceAccounts, ReplicaSets or Pods. */
  readonly controllerManager?: boolean;
  /** A node with mirror pods; needs root. Default false. */
  readonly node?: boolean;
  /** Further flags of kube-apiserver; the last of a kind wins. */
  readonly apiserverArgs?: readonly string[];
  /** For how many days its certificates are valid. Default 30. */
  readonly validity?: Validity;
  /** A directory to use (made, must not exist) instead of a temporary one. */
  readonly dir?: string;
  /** Leave it running when this process ends. */
  readonly detached?: boolean;
};

/** What restartApiServer may change. */
export type ApiServerChanges = Pick<ClusterOptions, 'encryption' | 'audit' | 'anonymous' | 'apiserverArgs'>;

/** One line of the audit log (audit.k8s.io/v1 Event), as far as tests look. */
export type AuditEvent = {
  readonly level: string;
  readonly auditID: string;
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username?: string };
  readonly [key: string]: unknown;
};

/** Starts a cluster and waits until it is ready. Throws ClusterUnavailable when this machine cannot run what is asked for. */
export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const binaries = await ensureBinaries();
  const dir = options.dir ?? mkdtempSync(join(realpathSync(tmpdir()), 'kubevidence-cluster-'));
  if (options.dir) mkdirSync(dir, { recursive: false, mode: 0o700 });
  const dismissReaper = options.detached ? () => undefined : startReaper(dir);
  const cluster = new TestCluster(dir, binaries, await choosePorts(), options, dismissReaper);
  try {
    await cluster.start();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

type Settings = Required<Omit<ClusterOptions, 'dir' | 'detached' | 'validity'>>;

export class TestCluster {
  readonly dir: string;
  /** Of the admin, a member of system:masters. */
  readonly kubeconfig: string;
  readonly server: string;
  readonly caFile: string;
  /** As the binary says, e.g. `1.36.3`. */
  readonly version: string;
  /** Whether controller manager and scheduler run, and a node. */
  readonly controllers: boolean;
  readonly node: boolean;
  /** Where the node's kubelet listens, when there is one. */
  readonly kubelet: string;
  /** The EncryptionConfiguration and the audit Policy, where the cluster has them: what `collect --files` would be given. */
  readonly encryptionFile: string;
  readonly auditPolicyFile: string;
  readonly #binaries: Binaries;
  readonly #ports: Ports;
  readonly #dismissReaper: () => void;
  readonly #encryptionKey = randomBytes(32).toString('base64');
  readonly #pki: Pki;
  readonly #ca: Certificate = { cert: join('pki', 'ca.crt'), key: join('pki', 'ca.key') };
  #settings: Settings;
  #admin: ApiClient | undefined;
  #apiServer: ProcessHandle | undefined;
  #controllers: { readonly component: Component; handle: ProcessHandle }[] = [];
  #files = 0;

  /** Use startCluster. */
  constructor(dir: string, binaries: Binaries, ports: Ports, options: ClusterOptions, dismissReaper: () => void) {
    this.dir = dir;
    this.#binaries = binaries;
    this.#ports = ports;
    this.#dismissReaper = dismissReaper;
    this.#settings = {
      encryption: options.encryption ?? 'secretbox',
      audit: options.audit ?? 'metadata',
      anonymous: options.anonymous ?? true,
      controllerManager: options.controllerManager ?? options.node ?? false,
      node: options.node ?? false,
      apiserverArgs: options.apiserverArgs ?? [],
    };
    this.controllers = this.#settings.controllerManager;
    this.node = this.#settings.node;
    this.kubeconfig = join(dir, 'admin.conf');
    this.server = `https://127.0.0.1:${ports.server}`;
    this.kubelet = `https://127.0.0.1:${ports.kubelet}`;
    this.caFile = join(dir, 'pki', 'ca.crt');
    this.encryptionFile = join(dir, 'encryption.yaml');
    this.auditPolicyFile = join(dir, 'audit-policy.yaml');
    this.version = versionOf(binaries['kube-apiserver']);
    mkdirSync(join(dir, 'log'), { mode: 0o700 });
    this.#pki = openPki(dir, options.validity);
  }

  /** The admin's HTTP client. */
  get admin(): ApiClient {
    this.#admin ??= openClient(this.server, {
      ca: this.caFile,
      cert: join(this.dir, 'pki', 'admin.crt'),
      key: join(this.dir, 'pki', 'admin.key'),
    });
    return this.#admin;
  }

  async start(): Promise<void> {
    await makeCredentials(this, this.#pki);
    startProcess(this.dir, 'etcd', this.#binaries.etcd, etcdArgs(this.#ports));
    await this.#startApiServer();
    if (this.controllers) await this.#startControllers();
    if (this.node) await startNode(this.dir, this.#binaries, this.#ports, this.admin, this.#components());
  }

  /** Runs kubectl as the admin (another `--kubeconfig` in `args` wins) and returns its stdout; a failure throws with its stderr. */
  kubectl(args: readonly string[], { input }: { input?: string } = {}): Promise<string> {
    const cache = ['--cache-dir', join(this.dir, 'kubectl-cache')];
    const command = ['--kubeconfig', this.kubeconfig, ...cache, ...args];
    return new Promise((resolve, reject) => {
      const child = execFile(this.#binaries.kubectl, command, { maxBuffer: 1 << 28, encoding: 'utf8' }, (error, stdout, stderr) =>
        error ? reject(new Error(`kubectl ${args.join(' ')}: ${stderr.trim()}`, { cause: error })) : resolve(stdout),
      );
      child.stdin?.on('error', () => undefined); // kubectl may end without reading it
      child.stdin?.end(input ?? '');
    });
  }

  /** `kubectl apply` of YAML or of objects; leaves last-applied-configuration, as people's clusters have it. */
  async apply(what: string | readonly KubeObject[]): Promise<void> {
    const input = typeof what === 'string' ? what : JSON.stringify({ apiVersion: 'v1', kind: 'List', items: what });
    await this.kubectl(['apply', '-f', '-'], { input });
  }

  /** A kubeconfig with a client certificate signed by the cluster's authority. */
  async userKubeconfig(name: string, groups: readonly string[] = []): Promise<string> {
    const file = `user-${++this.#files}`;
    const credential = await this.#pki.issue({ name: file, commonName: name, organizations: groups, signer: this.#ca, usage: 'client' });
    return writeKubeconfig(this, `${file}.conf`, { user: name, certificate: credential });
  }

  /** A kubeconfig with a token (a day) of a ServiceAccount, which is made when it is not there. */
  async serviceAccountKubeconfig(namespace: string, name: string): Promise<string> {
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    const found = await this.admin.send('GET', `${accounts}/${name}`);
    if (found.status === 404) {
      await this.admin.json('POST', accounts, { body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } } });
    }
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 86_400 } };
    const { status } = await this.admin.json<{ status: { token: string } }>('POST', `${accounts}/${name}/token`, { body });
    return this.tokenKubeconfig(status.token, `${namespace}-${name}`);
  }

  tokenKubeconfig(token: string, user = 'token'): string {
    return writeKubeconfig(this, `token-${++this.#files}.conf`, { user, token });
  }

  /** The events written so far, oldest first. The API server buffers nothing, but writes an event only after it has answered. */
  auditLog(): AuditEvent[] {
    const log = join(this.dir, 'log');
    const files = readdirSync(log).filter((file) => /^audit.*\.log$/.test(file));
    // Rotated files carry their time before `.log`, so that they sort by age, and before the current one ('-' sorts before '.').
    return files.toSorted().flatMap((file) =>
      readFileSync(join(log, file), 'utf8')
        .split('\n')
        .slice(0, -1) // what follows the last line feed is not written whole yet
        .map((line) => JSON.parse(line) as AuditEvent),
    );
  }

  /** Replaces the EncryptionConfiguration and waits until the API server has reloaded it. The cluster must have been started with one. */
  async rewriteEncryption(encryption: Exclude<Encryption, 'none'>): Promise<void> {
    if (this.#settings.encryption === 'none')
      throw new Error('this API server runs without EncryptionConfiguration: restartApiServer({ encryption })');
    this.#settings = { ...this.#settings, encryption };
    this.#writeSettings();
    const hash = createHash('sha256').update(readFileSync(this.encryptionFile)).digest('hex');
    await waitFor('the reload of the EncryptionConfiguration', 120_000, [this.#apiServer], this.dir, async () => {
      const { body } = await this.admin.send('GET', '/metrics');
      return new RegExp(`^apiserver_encryption_config_controller_last_config_info\\{[^}]*${hash}`, 'm').test(body);
    });
  }

  /** Restarts kube-apiserver on the same port and the same data, with what `changes` names changed; its mirror pod follows. */
  async restartApiServer(changes: ApiServerChanges = {}): Promise<void> {
    this.#settings = { ...this.#settings, ...changes };
    if (this.#apiServer) await endProcess(this.#apiServer.pid);
    await this.#startApiServer();
    // Both end themselves when they lose their lease meanwhile.
    for (const controller of this.#controllers) {
      if (!isRunning(controller.handle)) controller.handle = this.#startComponent(controller.component);
    }
    if (this.node) {
      writeStaticPod(this.dir, this.#apiServerComponent());
      await waitFor('the new mirror pod', 60_000, [this.#apiServer], this.dir, async () => {
        const { body } = await this.admin.send('GET', '/api/v1/namespaces/kube-system/pods?labelSelector=component%3Dkube-apiserver');
        const { items } = JSON.parse(body) as { items: { spec: { containers: { command: string[] }[] } }[] };
        const [, ...shown] = items[0]?.spec.containers[0]?.command ?? [];
        return JSON.stringify(shown) === JSON.stringify(this.#apiServerComponent().args);
      });
    }
  }

  /** Ends every process, newest first, unmounts what the kubelet mounted, and removes the directory. */
  async stop(): Promise<void> {
    this.#admin?.close();
    await endAll(this.dir);
    this.#dismissReaper();
  }

  #writeSettings(): void {
    for (const [file, text] of [
      [this.encryptionFile, encryptionYaml(this.#settings.encryption, this.#encryptionKey)],
      [this.auditPolicyFile, auditYaml(this.#settings.audit)],
    ] as const) {
      if (text === undefined) continue;
      // Renamed into place: the API server may look at any moment.
      writeFileSync(`${file}.new`, text, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    }
  }

  async #startApiServer(): Promise<void> {
    this.#writeSettings();
    this.#apiServer = this.#startComponent(this.#apiServerComponent());
    await waitFor('kube-apiserver', 60_000, [this.#apiServer], this.dir, async () => {
      const answer = await this.admin.send('GET', '/readyz').catch(() => undefined);
      return answer?.status === 200;
    });
  }

  /**
   * A second kube-apiserver over the same etcd, with settings of its own, on a host of another name (a UTS namespace, which needs Linux and
   * root), so that it has a lease of its own. Both servers keep no `kubernetes` Endpoints: registerReplicas writes them in their place.
   */
  async startReplica(hostname: string, changes: ApiServerChanges = {}): Promise<ProcessHandle> {
    const ports = { ...this.#ports, server: this.#ports.replica };
    const args = apiServerArgs(ports, Number(this.version.split('.')[1]), { ...this.#settings, ...changes });
    const inNamespace = ['--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', hostname, this.#binaries['kube-apiserver'], ...args];
    const replica = startProcess(this.dir, `kube-apiserver-${hostname}`, 'unshare', inNamespace);
    const client = openClient(`https://127.0.0.1:${ports.server}`, {
      ca: this.caFile,
      cert: join(this.dir, 'pki', 'admin.crt'),
      key: join(this.dir, 'pki', 'admin.key'),
    });
    try {
      await waitFor('the second kube-apiserver', 60_000, [replica], this.dir, async () => {
        const answer = await client.send('GET', '/readyz').catch(() => undefined);
        return answer?.status === 200;
      });
    } finally {
      client.close();
    }
    return replica;
  }

  /** Writes the EndpointSlice `kubernetes`, as the API servers themselves would, for both of them at `address`. */
  async registerReplicas(address: string): Promise<readonly string[]> {
    const ports = [this.#ports.server, this.#ports.replica];
    await this.apply([
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [address], conditions: { ready: true } }],
        ports: ports.map((port, index) => ({ name: `https-${index}`, port, protocol: 'TCP' })),
      },
    ]);
    return ports.map((port) => `${address}:${port}`);
  }

  async #startControllers(): Promise<void> {
    if (!this.#binaries['kube-controller-manager'] || !this.#binaries['kube-scheduler']) {
      throw new ClusterUnavailable('controllers need kube-controller-manager and kube-scheduler, which KUBEBUILDER_ASSETS does not have.');
    }
    const [, , ...components] = this.#components();
    this.#controllers = components.map((component) => ({ component, handle: this.#startComponent(component) }));
    const running = this.#controllers.map(({ handle }) => handle);
    await waitFor('the default ServiceAccount', 60_000, running, this.dir, async () => {
      const { status } = await this.admin.send('GET', '/api/v1/namespaces/default/serviceaccounts/default');
      return status === 200;
    });
  }

  #startComponent({ name, args }: Component): ProcessHandle {
    return startProcess(this.dir, name, this.#binaries[name as keyof Binaries] ?? name, args);
  }

  #apiServerComponent(): Component {
    const minor = Number(this.version.split('.')[1]);
    return this.#component('kube-apiserver', apiServerArgs(this.#ports, minor, this.#settings));
  }

  #component(name: string, args: readonly string[]): Component {
    return { name, image: `registry.k8s.io/${name}:v${this.version}`, args };
  }

  /** What runs, as its static pods would show it: etcd, kube-apiserver, then the controllers if asked for. */
  #components(): Component[] {
    const etcd = { name: 'etcd', image: `registry.k8s.io/etcd:${versionOf(this.#binaries.etcd)}-0`, args: etcdArgs(this.#ports) };
    if (!this.controllers) return [etcd, this.#apiServerComponent()];
    return [
      etcd,
      this.#apiServerComponent(),
      this.#component('kube-controller-manager', controllerManagerArgs(this.#ports)),
      this.#component('kube-scheduler', schedulerArgs(this.#ports)),
    ];
  }
}

function versionOf(binary: string): string {
  const said = execFileSync(binary, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return /\d+\.\d+\.\d+[^\s]*/.exec(said)?.[0] ?? '0.0.0';
}
