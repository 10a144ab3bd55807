/**
 * Command lines. For a program of the control plane in a genuine place (see `genuinePrograms`), flags of the known list keep their
 * values, because they are the evidence. Of everything else each argument leaves a marker, with the flag's name where one was assigned.
 */
import type { Program } from '../../collectors/index.ts';
import { carriedBy, controlPlaneFlags, isNodeEvidence, nodeFlags } from '../../collectors/index.ts';
import type { EvidenceObject, Json, RawObject } from '../../model/index.ts';
import { isObject, listAt, textAt } from '../../model/index.ts';
import { contentRule, credentialRule, suggestsCredential } from './credential-rules.ts';
import type { ArgumentMarker } from './scrub-marker.ts';
import { cleanMarker, isFlagName, marker } from './scrub-marker.ts';

const allFlags: ReadonlySet<string> = new Set(Object.values(controlPlaneFlags).flatMap((flags) => Array.from(flags)));
const programs = new Map<string, ReadonlySet<string>>(Object.entries(controlPlaneFlags));
const nodePrograms = new Map<string, ReadonlySet<string>>(Object.entries(nodeFlags));

/** Where flags of the control plane may stand: nowhere, in its pods, in kubeadm's own configuration, or in what was read on a node. */
export type Genuine = 'no' | 'pod' | 'kubeadm' | 'node';

/**
 * A mirror pod as the kubelet makes it from a file of the node (docs/evidence-sources, section 1: labels alone can be forged), a static
 * pod manifest handed in as a file, or kubeadm's ConfigMap. Whether the Node that owns it is a control-plane node is for populations.
 */
export function genuineOf(raw: RawObject, place: EvidenceObject['place']): Genuine {
  if (isNodeEvidence(raw)) return 'node';
  if (textAt(raw, 'metadata', 'namespace') !== 'kube-system') return 'no';
  if (raw['kind'] === 'ConfigMap') return textAt(raw, 'metadata', 'name') === 'kubeadm-config' ? 'kubeadm' : 'no';
  if (raw['kind'] !== 'Pod') return 'no';
  const annotation = (name: string) => textAt(raw, 'metadata', 'annotations', `kubernetes.io/config.${name}`);
  const mirror = Boolean(annotation('mirror')) && annotation('source') === 'file';
  const ofNode = listAt(raw, 'metadata', 'ownerReferences').some(
    (owner) => isObject(owner) && owner['kind'] === 'Node' && owner['apiVersion'] === 'v1',
  );
  if (mirror && ofNode) return 'pod';
  return place !== undefined && textAt(raw, 'metadata', 'uid') === undefined ? 'pod' : 'no';
}

/** The flags that keep their values in this container (or configuration). */
function keptFlags(container: RawObject, genuine: Genuine): ReadonlySet<string> | undefined {
  if (genuine === 'no') return undefined;
  if (genuine === 'kubeadm') return allFlags;
  if (genuine === 'node') return nodePrograms.get(textAt(container, 'program') ?? '');
  const first = listAt(container, 'command')[0];
  return typeof first === 'string' ? programs.get(programOf(first) ?? '') : undefined;
}

function programOf(path: string): Program | undefined {
  if (!/^(?:[\w./-]{1,256}\/)?[a-z-]{1,32}$/.test(path)) return undefined;
  const name = path.slice(path.lastIndexOf('/') + 1);
  return programs.has(name) ? (name as Program) : undefined;
}

/** etcd also takes its flags as ETCD_<FLAG> variables: true where the value of such a variable is evidence. */
export function isKeptVariable(name: string, genuine: Genuine): boolean {
  return genuine === 'pod' && name.startsWith('ETCD_') && controlPlaneFlags.etcd.has(name.slice(5).toLowerCase().replaceAll('_', '-'));
}

const assignment = /^--?([A-Za-z0-9][A-Za-z0-9_-]{0,63})(?:=([^]*))?$/;
const bareCredentialFlags = new Set(['password', 'passwd', 'pass', 'token', 'secret', 'api-key', 'apikey', 'access-key', 'secret-key']);

/** One entry per argument, in order: the text where it is evidence, a marker where not. */
export function scrubArguments(values: readonly Json[], container: RawObject, genuine: Genuine): (string | ArgumentMarker)[] {
  const flags = keptFlags(container, genuine);
  const out: (string | ArgumentMarker)[] = [];
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (typeof value !== 'string') out.push(cleanMarker(value) ?? marker());
    else if (value === '') out.push(value);
    else out.push(scrubArgument(value, index === 0 ? undefined : values[index - 1], flags));
  }
  return out;
}

/** The flags that may stand in the value of one like k3s's `--kubelet-arg`. */
function carried(name: string, flags: ReadonlySet<string>): ReadonlySet<string> | undefined {
  const program = flags === nodeFlags.k3s || flags === nodeFlags.rke2 ? carriedBy[name] : undefined;
  return program === undefined ? undefined : nodeFlags[program];
}

function scrubArgument(text: string, before: Json | undefined, flags: ReadonlySet<string> | undefined): string | ArgumentMarker {
  const [, written = '', value] = assignment.exec(text) ?? [];
  // pflag takes underscores for dashes.
  const name = written.replaceAll('_', '-');
  if (name !== '' && flags?.has(name)) {
    const credential = value === undefined ? undefined : contentRule(value);
    return credential === undefined ? text : marker(credential, name);
  }
  const inner = flags === undefined ? undefined : carried(name, flags);
  if (inner !== undefined && value !== undefined) {
    const within = scrubArgument(`--${value}`, undefined, inner);
    return typeof within === 'string' ? text : marker(within.credential, name);
  }
  if (flags !== undefined && programOf(text) !== undefined) return text;
  if (name !== '' && value !== undefined) {
    // The one-letter form of a short flag glues the value to it, so only names that were assigned to are names.
    return marker(credentialRule(value, name), text.startsWith('--') && isFlagName(name) ? name : undefined);
  }
  if (text.startsWith('--') && bareCredentialFlags.has(name)) return marker(undefined, name);
  const preceding = typeof before === 'string' ? assignment.exec(before) : null;
  const spaced =
    preceding !== null && preceding[2] === undefined && !text.startsWith('-') ? (preceding[1] ?? '').replaceAll('_', '-') : undefined;
  if (spaced !== undefined && flags?.has(spaced)) {
    const credential = contentRule(text);
    return credential === undefined ? text : marker(credential);
  }
  return marker(credentialRule(text, spaced !== undefined && suggestsCredential(spaced) ? spaced : undefined));
}
