/**
 * The settings of the control plane that decide techniques, as `/flagz` and the mirror pods of static pods show them. What nobody shows is
 * undefined, never its default: managed control planes set what they like. Of several API servers the one decides that leaves a way open;
 * while one is not known, none is closed.
 */
import type { EvidenceReader, StoredObject } from '../../model/index.ts';
import { type Flags, flagsOfPod, readApiServers, splitFlag } from '../api-servers.ts';

export interface Settings {
  /** Path of the AdmissionConfiguration; empty when the API server is known to have none. */
  readonly admissionFile: string | undefined;
  readonly podSecurityDisabled: boolean | undefined;
  /** Undefined where the authorizers stand in a file. */
  readonly nodeAuthorizer: boolean | undefined;
  readonly bootstrapTokens: boolean | undefined;
  /** Where `get pods/exec` alone opens a shell; undefined when the gate that asks for `create` is not known. */
  readonly execByGet: boolean | undefined;
  /** The controller manager has a certificate to sign client certificates with. */
  readonly signsClients: boolean | undefined;
  /** The controller that fills token secrets is not switched off. Undefined where the controller manager is not seen. */
  readonly tokenController: boolean | undefined;
}

function isTrue(text: string | undefined): boolean {
  return text !== undefined && /^(1|t|true)$/i.test(text);
}

/** `components`: the genuine mirror pods, by their component. */
export function readSettings(reader: EvidenceReader, components: ReadonlyMap<string, readonly StoredObject[]>): Settings {
  const { each, answering, pods, unread } = readApiServers(reader, components.get('kube-apiserver') ?? []);
  const servers = [...each, ...(answering === undefined ? [] : [answering]), ...pods].map(({ flags }) => flags);
  const managers = (components.get('kube-controller-manager') ?? []).map(flagsOfPod);
  /** True when some server says so: a way that one replica leaves open is open. */
  const some = (all: readonly Flags[], says: (flags: Flags) => boolean) =>
    all.some(says) ? true : all.length === 0 || (all === servers && unread.length > 0) ? undefined : false;
  const file = servers.map((flags) => flags.get('admission-control-config-file') ?? '').find((path) => path !== '');
  const asksNode = (flags: Flags) => splitFlag(flags.get('authorization-mode')).includes('Node');
  const inFile = servers.some((flags) => (flags.get('authorization-config') ?? '') !== '');
  const minor = Number(/^\d+\.(\d+)/.exec(reader.cluster.version ?? '')?.[1] ?? Number.NaN);
  const gateOff = some(servers, (flags) =>
    splitFlag(flags.get('feature-gates')).includes('AuthorizePodWebsocketUpgradeCreatePermission=false'),
  );
  return {
    admissionFile: file ?? (servers.length === 0 || unread.length > 0 ? undefined : ''),
    podSecurityDisabled: some(servers, (flags) => splitFlag(flags.get('disable-admission-plugins')).includes('PodSecurity')),
    nodeAuthorizer: inFile ? undefined : some(servers, asksNode),
    bootstrapTokens: some(servers, (flags) => isTrue(flags.get('enable-bootstrap-token-auth'))),
    execByGet: gateOff === true ? true : Number.isNaN(minor) ? undefined : minor < 35,
    signsClients: some(managers, (flags) =>
      ['cluster-signing-cert-file', 'cluster-signing-kube-apiserver-client-cert-file'].some((flag) => (flags.get(flag) ?? '') !== ''),
    ),
    tokenController:
      managers.length === 0
        ? undefined
        : managers.some((flags) => {
            const named = splitFlag(flags.get('controllers'));
            const names = ['serviceaccount-token', 'serviceaccount-token-controller'];
            if (names.some((name) => named.includes(`-${name}`))) return false;
            return named.length === 0 || named.includes('*') || names.some((name) => named.includes(name));
          }),
  };
}
