/**
 * Encryption at rest in etcd, per API server replica and per EncryptionConfiguration that was handed in. What a server was seen to do
 * goes before what a file says; the path of the file alone says nothing, because distributions set it also where encryption is off.
 */
import type { Gap, Population, PopulationInput, Row } from '../../model/index.ts';
import type { Writes } from './encryption-files.ts';
import type { Holder } from './encryption-holders.ts';
import { declared, holderListings, readHolders, requireFiles, requireMetrics } from './encryption-holders.ts';
import type { Observation } from './encryption-metrics.ts';
import { countedFromStart, countedResources, namesOf, observe } from './encryption-metrics.ts';
import { migrationsKind, rewrittenBy } from './encryption-migrations.ts';

type Fields = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export function holderRow({ key, name, resource, evidence }: Holder, fields: Fields, below = ''): Row {
  return { item: `${key}${below}`, resource, evidence, holder: name, ...fields };
}

/** A row about which nothing is known but why. */
export function unseenRow(input: PopulationInput, holder: Holder, detail: string, closedBy: string): Row {
  requireMetrics(input, holder);
  const gap: Gap = { reason: 'absent', what: `encryption by ${holder.name}`, detail, closedBy };
  return { ...holderRow(holder, {}), gaps: [gap] };
}

export const withFile = 'kubevidence collect --files with the EncryptionConfiguration';

interface HolderOptions {
  readonly also?: Population['also'];
  /** Whether rows are of servers alone, so that without one nothing is known. */
  readonly of?: 'all' | 'servers';
  /** Whether a row can stand on what a file says. */
  readonly byFile?: boolean;
}

export function holderPopulation(
  name: string,
  doc: string,
  rowsOf: (input: PopulationInput, holder: Holder, all: readonly Holder[]) => Iterable<Row>,
  { also = [], of = 'all', byFile = true }: HolderOptions = {},
): Population {
  return {
    name,
    doc,
    from: [],
    also: [...holderListings, ...also],
    *rows(input) {
      const holders = readHolders(input);
      if (byFile && holders.some(({ files }) => files.length > 0)) requireFiles(input);
      for (const holder of holders) yield* rowsOf(input, holder, holders);
      if (of === 'servers' && !holders.some(({ isServer }) => isServer) && input.reader.scope === 'files')
        input.gap({
          reason: 'absent',
          what: 'API servers',
          detail: 'files do not show what they do',
          closedBy: 'collect from the cluster',
        });
    },
  };
}

function observed({ metrics }: Holder, input: PopulationInput, resource?: string): Observation | undefined {
  return metrics === undefined ? undefined : observe(metrics, input, resource);
}

export const encryptionCoverage = holderPopulation(
  'encryptionCoverage',
  'An API server or an EncryptionConfiguration, with whether its configuration covers Secrets',
  function* (input, holder) {
    const file = declared(holder);
    if (holder.off) yield holderRow(holder, { covers: false });
    else if (observed(holder, input)?.covers === true) yield holderRow(holder, { covers: true });
    else if (file !== undefined) yield holderRow(holder, { covers: file.covers });
    else yield unseenRow(input, holder, 'a configuration is set, and no operation shows that it covers Secrets', withFile);
  },
);

const seen: Readonly<Record<Writes, string>> = {
  strong: 'encrypted',
  weak: 'with a provider that is not accepted',
  plain: 'in plain text',
};

/** How new objects of a resource are written; undefined where nothing shows it. `what` is what a sentence calls them. */
function writesRow(input: PopulationInput, holder: Holder, resource: string, what: string, below = ''): Row | undefined {
  const file = declared(holder, resource);
  const told = (fields: Fields) => holderRow(holder, fields, below);
  const byFile = (fields: Fields): Row => ({ ...told(fields), evidence: [...holder.evidence, ...holder.filed] });
  if (holder.off) return told({ writes: 'plain', providers: ['none'], reason: 'no encryption is configured' });
  // A file that the server would refuse is never good, whatever the server did before it was written.
  if (file !== undefined && file.problem !== '')
    return byFile({ writes: 'invalid', providers: [], reason: `the file is refused: ${file.problem}` });
  const observation = observed(holder, input, resource);
  if (observation?.writes !== undefined) {
    const { writes, written, since, writers } = observation;
    const reason = `${written} ${written === 1 ? 'write' : 'writes'} ${seen[writes]} ${written === 1 ? 'was' : 'were'} seen`;
    return { ...told({ writes, providers: namesOf(writers.providers), reason }), ...(since && { since }) };
  }
  if (file === undefined) return undefined;
  const said = byFile({ writes: file.writes, providers: [file.provider], reason: `the first provider for ${what} is ${file.provider}` });
  // When the file came into effect, only a server can tell.
  if (!holder.isServer) return { ...said, since: null };
  return { ...said, ...(observation?.since && { since: observation.since }) };
}

export const secretWrites = holderPopulation(
  'secretWrites',
  'An API server or an EncryptionConfiguration, with how new Secrets are written: strong, weak, plain or invalid',
  function* (input, holder) {
    const closedBy = `write a Secret and collect again, or ${withFile}`;
    yield writesRow(input, holder, 'secrets', 'Secrets') ??
      unseenRow(input, holder, 'no Secret was written since its configuration took effect', closedBy);
  },
);

/** Resources that can hold what people would encrypt, beside those that a configuration or a counter names. */
const usual = [
  'secrets',
  'configmaps',
  'events',
  'pods',
  'serviceaccounts',
  'cronjobs.batch',
  'daemonsets.apps',
  'deployments.apps',
  'jobs.batch',
  'replicasets.apps',
  'statefulsets.apps',
];

export const resourceWrites = holderPopulation(
  'resourceWrites',
  'An API server or an EncryptionConfiguration and a resource, with how new objects of it are written: strong, weak, plain, invalid, or absent where nothing shows it',
  function* (input, holder, all) {
    const named = all.flatMap(({ files, metrics }) => [
      ...files.flatMap((file) => file.named.filter((name) => !name.startsWith('*.'))),
      ...(metrics === undefined ? [] : countedResources(metrics)),
    ]);
    const names = [...new Set([...usual, ...named])].sort();
    const known = Object.fromEntries(names.map((name) => [name, true]));
    for (const name of names) {
      const row = writesRow(input, holder, name, name === 'secrets' ? 'Secrets' : name, `/${name}`) ?? holderRow(holder, {}, `/${name}`);
      // Rows of which nothing is known are no gaps by themselves: a control asks for a few of them.
      yield { ...row, of: name, known };
    }
  },
);

const restart = 'restart the API server, which then reads every Secret, and collect again';

export const storedSecrets = holderPopulation(
  'storedSecrets',
  'An API server, with whether the Secrets that it read from storage were encrypted',
  function* (input, holder, all) {
    if (!holder.isServer) return;
    if (holder.off) return yield holderRow(holder, { stored: 'plain', reason: 'no encryption is configured' });
    const observation = observed(holder, input);
    if (observation === undefined)
      return yield unseenRow(input, holder, 'its reads of Secrets were not seen', 'get /metrics of every API server');
    const { plainReads, plainReadsSinceStart, encryptedReads, stored, writes } = observation;
    if (plainReads > 0) return yield holderRow(holder, { stored: 'plain', reason: `${plainReads} reads in plain text` });
    const migration = writes === 'plain' || writes === undefined ? undefined : rewrittenBy(input, all);
    if (migration !== undefined) {
      const fields = { stored: 'encrypted', reason: `StorageVersionMigration ${migration.name} rewrote all Secrets` };
      return yield { ...holderRow(holder, fields), evidence: [...holder.evidence, migration.id] };
    }
    if (plainReadsSinceStart > 0) {
      const detail = 'Secrets were read in plain text before the earlier run; whether they are rewritten is unknown';
      return yield unseenRow(input, holder, detail, restart);
    }
    if (stored === undefined || encryptedReads === 0 || encryptedReads < stored) {
      const detail = `${encryptedReads} encrypted reads do not show all Secrets (${stored ?? 'nobody knows how many'})`;
      return yield unseenRow(input, holder, detail, restart);
    }
    if (holder.metrics === undefined || !countedFromStart(holder.metrics, input)) {
      const detail = 'its configuration was loaded anew since it started, and what it had read before may not be counted';
      return yield unseenRow(input, holder, detail, restart);
    }
    return yield holderRow(holder, { stored: 'encrypted', reason: `${encryptedReads} encrypted reads` });
  },
  { also: [migrationsKind], byFile: false },
);
