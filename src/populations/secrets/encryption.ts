/**
 * Encryption of Secrets in etcd, per API server replica and per EncryptionConfiguration that was handed in. What a server was seen to do
 * goes before what a file says; the path of the file alone says nothing, because distributions set it also where encryption is off.
 */
import type { Gap, ListingKind, Population, PopulationInput, ResourceRef, Row } from '../../model/index.ts';
import { isComplete, textAt } from '../../model/index.ts';
import { findAnsweringReplica } from '../control-plane/answering-replica.ts';
import { apiServers } from '../control-plane/api-servers.ts';
import { requireListing } from '../control-plane/control-plane.ts';
import type { FileVerdict, Writes } from './encryption-files.ts';
import { judgeFile } from './encryption-files.ts';
import type { Observation } from './encryption-metrics.ts';
import { observe } from './encryption-metrics.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { readMetrics } from '../control-plane/metrics.ts';

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
  const metrics = input.reader.scope === 'cluster' ? readMetrics(input) : undefined;
  const observed = metrics === undefined ? undefined : observe(metrics, input);
  const servers = [...apiServers.rows(input)];
  for (const row of servers) {
    const only = servers.length === 1 ? metrics : undefined;
    const flags = row['flags'] as Readonly<Record<string, string>>;
    yield {
      key: row.item,
      name: textAt(row, 'replica') ?? row.item,
      resource: row.resource,
      evidence: [...row.evidence, ...(only?.evidence ?? [])],
      off: flags['encryption-provider-config'] === '',
      observed: only === undefined ? undefined : observed,
      file,
      isServer: true,
    };
  }
  if (metrics === undefined && servers.length === 0 && input.reader.scope === 'cluster') requireListing(input, 'k8s.apiserver/metrics');
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

type Fields = Readonly<Record<string, string | number | boolean | readonly string[]>>;

function row({ key, name, resource, evidence }: Holder, fields: Fields): Row {
  return { item: key, resource, evidence, holder: name, ...fields };
}

function unknownRow(holder: Holder, gap: Gap): Row {
  return { ...row(holder, {}), gaps: [gap] };
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

function population(name: string, doc: string, judge: (input: PopulationInput, holder: Holder) => Row | undefined): Population {
  return {
    name,
    doc,
    from: [],
    also,
    *rows(input) {
      for (const holder of readHolders(input)) {
        const judged = judge(input, holder);
        if (judged !== undefined) yield judged;
      }
    },
  };
}

export const encryptionCoverage = population(
  'encryptionCoverage',
  'An API server or an EncryptionConfiguration, with whether its configuration covers Secrets',
  (input, holder) => {
    if (holder.off) return row(holder, { covers: false });
    if (holder.observed?.covers === true) return row(holder, { covers: true });
    if (holder.file !== undefined) return row(holder, { covers: holder.file.covers });
    return unknownRow(holder, unseen(input, holder, 'a configuration is set, and no operation shows that it covers Secrets', withFile));
  },
);

const seen: Readonly<Record<Writes, string>> = {
  strong: 'encrypted',
  weak: 'with a provider that is not accepted',
  plain: 'in plain text',
};

export const secretWrites = population(
  'secretWrites',
  'An API server or an EncryptionConfiguration, with how new Secrets are written: strong, weak, plain or invalid',
  (input, holder) => {
    const { off, file, observed } = holder;
    if (off) return row(holder, { writes: 'plain', providers: ['none'], reason: 'no encryption is configured' });
    // A file that the server would refuse is never good, whatever the server did before it was written.
    if (file !== undefined && file.problem !== '')
      return row(holder, { writes: 'invalid', providers: [], reason: `the file is refused: ${file.problem}` });
    if (observed?.writes !== undefined) {
      const { writes, written, since, providers } = observed;
      const reason = `${written} ${written === 1 ? 'write' : 'writes'} ${seen[writes]} ${written === 1 ? 'was' : 'were'} seen`;
      return { ...row(holder, { writes, providers, reason }), ...(since && { since }) };
    }
    if (file !== undefined) {
      const reason = `the first provider for Secrets is ${file.provider}`;
      const said = row(holder, { writes: file.writes, providers: [file.provider], reason });
      // When the file came into effect, only a server can tell.
      if (!holder.isServer) return { ...said, since: null };
      return { ...said, ...(observed?.since && { since: observed.since }) };
    }
    const closedBy = `write a Secret and collect again, or ${withFile}`;
    return unknownRow(holder, unseen(input, holder, 'no Secret was written since its configuration took effect', closedBy));
  },
);

const restart = 'restart the API server, which then reads every Secret, and collect again';

export const storedSecrets = population(
  'storedSecrets',
  'An API server, with whether the Secrets that it read from storage were encrypted',
  (input, holder) => {
    const { observed, off, isServer } = holder;
    if (!isServer) return undefined;
    if (off) return row(holder, { stored: 'plain', reason: 'no encryption is configured' });
    if (observed === undefined)
      return unknownRow(holder, unseen(input, holder, 'its reads of Secrets were not seen', 'get /metrics of every API server'));
    const { plainReads, plainReadsSinceStart, encryptedReads, stored } = observed;
    if (plainReads > 0) return row(holder, { stored: 'plain', reason: `${plainReads} reads in plain text` });
    if (plainReadsSinceStart > 0) {
      const detail = 'Secrets were read in plain text before the earlier run; whether they are rewritten is unknown';
      return unknownRow(holder, unseen(input, holder, detail, restart));
    }
    if (stored === undefined || encryptedReads === 0 || encryptedReads < stored) {
      const detail = `${encryptedReads} encrypted reads do not show all Secrets (${stored ?? 'nobody knows how many'})`;
      return unknownRow(holder, unseen(input, holder, detail, restart));
    }
    return row(holder, { stored: 'encrypted', reason: `${encryptedReads} encrypted reads` });
  },
);
