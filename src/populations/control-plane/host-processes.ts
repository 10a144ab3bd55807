/**
 * Programs of the control plane that run on a host without being static pods (services of systemd, hosts of etcd that are no nodes), with
 * the flags that the host itself shows. What etcd is not given as a flag can come from its environment, which is not read, so it stays
 * unknown; where two processes of one program run with different flags, nobody can say which is the cluster's.
 */
import type { Gap, Json } from '../../model/index.ts';
import { at, canonicalize, listAt, textAt } from '../../model/index.ts';
import type { Flags, Program } from './flags.ts';
import { readArguments, resolveFlags } from './flags.ts';
import type { NodeDocument, NodeReading } from '../nodes/node-evidence.ts';

export interface HostProcess extends Flags {
  readonly host: NodeDocument;
  readonly gaps: readonly Gap[];
}

/** What runs; else what a unit starts, where nothing is left to its environment. What static pods start is told by their manifests. */
function argumentsOf({ document }: NodeDocument, program: Program): readonly (readonly Json[])[] {
  const told = listAt(document.body, 'programs').filter((each) => textAt(each, 'program') === program);
  const running = told.filter((each) => textAt(each, 'from') === 'process');
  const started = told.filter((each) => textAt(each, 'from') === 'unit' && !listAt(each, 'arguments').some(isOpen));
  return (running.length > 0 ? running : started).map((each) => listAt(each, 'arguments'));
}

/** Left to an environment that is not read. */
function isOpen(entry: Json): boolean {
  return typeof entry === 'string' ? entry.includes('$') : at(entry, 'flag') === undefined;
}

const unknown: Flags = { flags: {}, lists: {}, gates: {}, given: [] };

function only(given: readonly string[], values: Flags): Flags {
  const pick = <T>(of: Readonly<Record<string, T>>) => Object.fromEntries(Object.entries(of).filter(([name]) => given.includes(name)));
  return { ...values, flags: pick(values.flags), lists: pick(values.lists) };
}

/** What the configuration file of OpenShift says, which the program reads after its own arguments; undefined where no one file does. */
function configOf({ document }: NodeDocument, program: Program): readonly Json[] | undefined {
  const told = listAt(document.body, 'programs').filter((each) => textAt(each, 'program') === program && textAt(each, 'from') === 'config');
  return told.length === 1 ? listAt(told[0], 'arguments') : undefined;
}

function read(host: NodeDocument, program: Program, version: string | null): HostProcess | undefined {
  const [first, ...others] = argumentsOf(host, program);
  if (first === undefined) return undefined;
  const gap = (detail: string): HostProcess => ({
    ...unknown,
    host,
    gaps: [{ reason: 'absent', what: `flags of ${program} on ${host.name}`, detail, closedBy: 'its command line' }],
  });
  if (others.some((each) => canonicalize(each) !== canonicalize(first))) return gap('several run there, with different flags');
  const own = readArguments(first);
  if (program === 'etcd' && own.has('config-file')) return gap('settings may come from a configuration file');
  const inFile = own.has('openshift-config');
  const file = inFile ? configOf(host, program) : [];
  if (file === undefined) return gap('its settings stand in the file of --openshift-config, which was not read');
  const flags = resolveFlags(program, readArguments([...first, ...file]), version);
  // What OpenShift's own builds do without a flag is not known.
  return { ...(program === 'etcd' || inFile ? only(flags.given, flags) : flags), host, gaps: [] };
}

/** What one source on a host tells of a program; undefined where it tells nothing, several things, or not all of it. */
export function readTold(
  { document }: NodeDocument,
  program: Program,
  from: 'process' | 'manifest' | 'unit',
  version: string | null,
): Flags | undefined {
  const told = listAt(document.body, 'programs').filter((each) => textAt(each, 'program') === program && textAt(each, 'from') === from);
  const [first, ...others] = told.map((each) => listAt(each, 'arguments'));
  if (first === undefined || others.some((each) => canonicalize(each) !== canonicalize(first))) return undefined;
  if (from === 'unit' && first.some(isOpen)) return undefined;
  const given = readArguments(first);
  const inFile = given.has('openshift-config') || (program === 'etcd' && given.has('config-file'));
  return inFile ? undefined : resolveFlags(program, given, version);
}

/** Of the hosts of the control plane and of etcd that `besides` does not name. */
export function readHostProcesses(
  { documents }: NodeReading,
  program: Program,
  version: string | null,
  besides: ReadonlySet<string>,
): readonly HostProcess[] {
  return documents
    .filter(({ name, controlPlane, etcd }) => (controlPlane || etcd) && !besides.has(name))
    .flatMap((host) => read(host, program, version) ?? []);
}
