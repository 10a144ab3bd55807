/**
 * Encryption of Secrets in etcd, per API server replica and per EncryptionConfiguration that was handed in. What a server was seen to do
 * goes before what a file says; the path of the file alone says nothing, because distributions set it also where encryption is off.
 */
import type { Gap, ListingKind, Population, PopulationInput, ResourceRef, Row } from '../model/index.ts';
import { isComplete } from '../model/index.ts';
import { findAnsweringReplica } from './answering-replica.ts';
import { apiServers } from './api-servers.ts';
import { requireListing } from './control-plane.ts';
import type { FileVerdict } from './encryption-files.ts';
import { judgeFile } from './encryption-files.ts';
import type { Observation } from './encryption-metrics.ts';
import { observe } from './encryption-metrics.ts';
import { resourceOf, segment, uniqueKeys } from './identity.ts';
import { readMetrics } from './metrics.ts';

const files: ListingKind = 'files.encryption/encryptionconfigurations';

/** A server or a file, and what is known of it. */
interface Holder {
  readonly key: string;
  readonly name: string;
  readonly resource: ResourceRef;
  readonly evidence: readonly string[];
  /** The server's flags say that there is no configuration. */
  readonly off: boolean;
  readonly observed: Observation | undefined;
  readonly file: FileVerdict | undefined;
  readonly isServer: boolean;
}

interface NamedVerdict {
  readonly verdict: FileVerdict;
  readonly holder: Holder;
}

function readFiles(input: PopulationInput): readonly NamedVerdict[] {
  const unique = uniqueKeys();
  return [...input.each(files)].map((object) => {
    const verdict = judgeFile(object);
    const name = object.place?.file ?? (object.name || 'EncryptionConfiguration');
    return {
      verdict,
      holder: {
        key: unique(`file/${segment(name)}`),
        name,
        resource: resourceOf(object),
        evidence: [object.id],
        off: false,
        observed: undefined,
        file: verdict,
        isServer: false,
      },
    };
  });
}

/** The verdict that all files share: then it is that of every server, whichever file it reads. */
function shared(found: readonly NamedVerdict[]): FileVerdict | undefined {
  const [first] = found;
  const same = found.every(({ verdict }) => verdict.covers === first?.verdict.covers && verdict.writes === first?.verdict.writes);
  return same ? first?.verdict : undefined;
}

function* readHolders(input: PopulationInput): Iterable<Holder> {
  const found = readFiles(input);
  if (input.reader.scope === 'cluster' || found.length === 0) yield* readServers(input, shared(found));
  for (const { holder } of found) yield holder;
}

function* readServers(input: PopulationInput, file: FileVerdict | undefined): Iterable<Holder> {
  const metrics = input.reader.scope === 'cluster' ? readMetrics(input.reader) : undefined;
  const observed = metrics === undefined ? undefined : observe(metrics, input.reader);
  const servers = [...apiServers.rows(input)];
  for (const row of servers) {
    const only = servers.length === 1 ? metrics : undefined;
    const flags = row['flags'] as Readonly<Record<string, string>>;
    yield {
      key: row.item,
      name: String(row['replica']),
      resource: row.resource,
      evidence: [...row.evidence, ...(only?.evidence ?? [])],
      off: flags['encryption-provider-config'] === '',
      observed: only === undefined ? undefined : observed,
      file,
      isServer: true,
    };
  }
  if (metrics === undefined || servers.length === 1) return;
  const replica = findAnsweringReplica(input, metrics);
  yield {
    key: `${replica.key}/metrics`,
    name: replica.name,
    resource: resourceOf(metrics.object),
    evidence: [...metrics.evidence, ...replica.evidence],
    off: false,
    observed,
    file,
    isServer: true,
  };
}

function toRow(
  { key, name, resource, evidence, off, file, observed }: Holder,
  known: Readonly<Record<string, string | number | boolean>> | Gap,
): Row {
  const row = {
    item: key,
    resource,
    evidence,
    holder: name,
    configured: !off,
    provider: observed?.writes === undefined ? (file?.provider ?? '') : '',
  };
  return 'reason' in known ? { ...row, gaps: [known as Gap] } : { ...row, ...known };
}

/** Where a server's metrics were needed and could not be read, that is the gap. */
function unseen(input: PopulationInput, { name, isServer }: Holder, detail: string, closedBy: string): Gap {
  const listing = input.listing('k8s.apiserver/metrics');
  if (isServer && input.reader.scope === 'cluster' && (listing === undefined || !isComplete(listing)))
    requireListing(input, 'k8s.apiserver/metrics');
  return { reason: 'absent', what: `encryption by ${name}`, detail, closedBy };
}

const withFile = 'kubevidence collect --files with the EncryptionConfiguration';
const also = [...(apiServers.also ?? []), 'k8s.apiserver/metrics' as const, files];

function population(name: string, doc: string, judge: (input: PopulationInput, holder: Holder) => Row): Population {
  return {
    name,
    doc,
    from: [],
    also,
    *rows(input) {
      for (const holder of readHolders(input)) yield judge(input, holder);
    },
  };
}

export const encryptionCoverage = population(
  'encryptionCoverage',
  'An API server or an EncryptionConfiguration, with whether its configuration covers Secrets',
  (input, holder) => {
    if (holder.off) return toRow(holder, { covers: false });
    if (holder.observed?.covers === true) return toRow(holder, { covers: true });
    if (holder.file !== undefined) return toRow(holder, { covers: holder.file.covers });
    return toRow(holder, unseen(input, holder, 'a configuration is set, and no operation shows that it covers Secrets', withFile));
  },
);

export const secretWrites = population(
  'secretWrites',
  'An API server or an EncryptionConfiguration, with how new Secrets are written: strong, weak or plain',
  (input, holder) => {
    if (holder.off) return toRow(holder, { writes: 'plain' });
    // A file that the server would refuse is never good, whatever the server did before it was written.
    if (holder.file !== undefined && holder.file.problem !== '') return toRow(holder, { writes: 'invalid', provider: holder.file.problem });
    const writes = holder.observed?.writes ?? holder.file?.writes;
    if (writes !== undefined) return toRow(holder, { writes });
    return toRow(
      holder,
      unseen(
        input,
        holder,
        'no Secret was written since its configuration took effect',
        `write a Secret and collect again, or ${withFile}`,
      ),
    );
  },
);

export const storedSecrets = population(
  'storedSecrets',
  'An API server, with whether the Secrets that it read from storage were encrypted',
  (input, holder) => {
    const { observed } = holder;
    if (holder.off) return toRow(holder, { stored: 'plain', plainReads: observed?.plainReads ?? 0 });
    if (observed === undefined)
      return toRow(holder, unseen(input, holder, 'its reads of Secrets were not seen', 'get /metrics of every API server'));
    if (observed.plainReads > 0) return toRow(holder, { stored: 'plain', plainReads: observed.plainReads });
    const restart = 'restart the API server, which then reads every Secret, and collect again';
    if (observed.plainReadsSinceStart > 0)
      return toRow(
        holder,
        unseen(input, holder, 'Secrets were read in plain text before the earlier run; whether they are rewritten is unknown', restart),
      );
    if (observed.stored === undefined || observed.encryptedReads === 0 || observed.encryptedReads < observed.stored)
      return toRow(
        holder,
        unseen(
          input,
          holder,
          `${observed.encryptedReads} encrypted reads do not show all ${observed.stored ?? 'unknown'} Secrets`,
          restart,
        ),
      );
    return toRow(holder, { stored: 'encrypted', plainReads: 0 });
  },
);
