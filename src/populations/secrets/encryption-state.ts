/**
 * Whether encryption is what it is said to be: keys as they were looked at in the file, files as servers loaded them, what a file declares
 * against what its server does, and what servers still read of earlier keys and providers.
 */
import type { Population, Row } from '../../model/index.ts';
import { holderPopulation, holderRow, unseenRow, withFile } from './encryption.ts';
import { keysOf } from './encryption-files.ts';
import type { Holder } from './encryption-holders.ts';
import { declared, holderListings, readHolders, requireFiles } from './encryption-holders.ts';
import type { Counts, Observation } from './encryption-metrics.ts';
import { countedFromStart, lastReload, loadedHash, namesOf, observe, tookEffect } from './encryption-metrics.ts';
import { migrationsKind, rewrittenBy } from './encryption-migrations.ts';

export const encryptionKeys: Population = {
  name: 'encryptionKeys',
  doc: 'A key of an EncryptionConfiguration, with how long it is, whether it could be guessed, and whether it stands there twice',
  from: [],
  also: holderListings,
  *rows(input) {
    const holders = readHolders(input);
    if (holders.some(({ files }) => files.length > 0)) requireFiles(input);
    for (const holder of holders) {
      if (holder.object === undefined) continue;
      for (const { name, bits, guessable, text, repeated } of keysOf(holder.object)) {
        const faults = [guessable ? 'can be guessed' : '', text ? 'is text, not random bytes' : '', repeated ? 'is there twice' : ''];
        const reason = [...faults.filter(Boolean), ...(typeof bits === 'number' ? [`has ${bits} bits`] : [])].join(', ');
        const row = holderRow(holder, { name, guessable, text, repeated, reason }, `/${name}`);
        const gap = {
          reason: 'redacted' as const,
          what: `${name} of ${holder.name}`,
          detail: 'the file was handed in without it',
          closedBy: 'kubevidence node collect on the control plane, which looks at keys and keeps none',
        };
        yield { ...row, since: null, ...(bits === undefined ? { gaps: [gap] } : { bits: bits ?? 0 }) };
      }
    }
    const servers = holders.filter(({ isServer }) => isServer);
    if (servers.some(({ off, files }) => !off && files.length === 0) || holders.length === 0)
      input.gap({
        reason: 'absent',
        what: 'EncryptionConfiguration file',
        detail: 'without it nothing is known of its keys',
        closedBy: withFile,
      });
  },
};

const short = (hash: string) => hash.replace(/^sha256:/, '').slice(0, 12);

export const encryptionReloads = holderPopulation(
  'encryptionReloads',
  'An API server, with whether it loaded its EncryptionConfiguration without failure, and the same as the others',
  function* (input, holder, all) {
    const { metrics, isServer, off } = holder;
    if (!isServer || off) return;
    if (metrics === undefined) return yield unseenRow(input, holder, 'what it loaded was not seen', 'get /metrics of every API server');
    const [failure, success] = [lastReload(metrics, 'failure'), lastReload(metrics, 'success')];
    const works = failure === 0 || failure < success;
    const hash = loadedHash(metrics);
    const others = all.filter((other) => other.isServer && other !== holder);
    const hashes = others.flatMap((other) => (other.metrics === undefined ? [] : [loadedHash(other.metrics)]));
    const agrees =
      !others.some(({ off: isOff }) => isOff) && hashes.every((each) => each === undefined || hash === undefined || each === hash);
    const reason = works
      ? agrees
        ? `loaded ${hash === undefined ? 'without failure' : short(hash)}`
        : `loaded ${hash === undefined ? 'a configuration' : short(hash)}, and others do not have it`
      : 'its file was refused when it was read again, and the one before is still in force';
    const since = works ? tookEffect(metrics) : null;
    const row = holderRow(holder, { works, agrees, reason });
    const compared = others.length === 0 || (hash !== undefined && hashes.length === others.length && !hashes.includes(undefined));
    const gap = {
      reason: 'absent' as const,
      what: `configuration of ${holder.name}`,
      detail: 'the hashes that would show whether all servers loaded the same are not published, or not read',
      closedBy: 'Kubernetes 1.34, and get /metrics of every API server',
    };
    yield { ...row, ...(since && { since }), ...(compared || !agrees ? {} : { gaps: [gap] }) };
  },
  { of: 'servers', byFile: false },
);

/** What writes, as far as it is one thing: `secretbox` and its key `k1`. */
interface Writer {
  readonly provider: string;
  readonly key: string;
}

function only({ providers, keys }: Counts): Writer | undefined {
  const [provider, ...more] = namesOf(providers);
  const [key = '', ...others] = namesOf(keys);
  return provider === undefined || more.length > 0 || others.length > 0 ? undefined : { provider, key };
}

/** What its file says, to the name of the key; undefined where several could be its and they differ in that. */
function declaredWriter(holder: Holder): ReturnType<typeof declared> {
  const file = declared(holder);
  const said = new Set(holder.files.map((each) => say(each.decide('secrets'))));
  return said.size === 1 ? file : undefined;
}

const say = ({ provider, key }: Writer) => (key === '' ? provider : `${provider} ${key}`);
const plainIsNone = (provider: string) => (provider === 'identity' ? 'none' : provider);

export const encryptionAgreement = holderPopulation(
  'encryptionAgreement',
  'An API server, with what its EncryptionConfiguration declares for Secrets and what it was seen to write',
  function* (input, holder) {
    if (!holder.isServer) return;
    const file = declaredWriter(holder);
    if (file === undefined) {
      // Nothing is configured, and nobody says that something was.
      if (holder.off && holder.files.length === 0) return;
      const detail =
        holder.files.length === 0 ? 'no file says what it is configured to do' : 'which of several files is its own is not known';
      return yield unseenRow(
        input,
        holder,
        detail,
        'kubevidence node collect on its node, or collect --files with its EncryptionConfiguration',
      );
    }
    if (file.problem !== '')
      return yield unseenRow(input, holder, `its file is refused: ${file.problem}`, 'a file that the API server loads');
    const said = { provider: plainIsNone(file.provider), key: file.key };
    const told = (fields: Readonly<Record<string, string | boolean>>): Row => ({
      ...holderRow(holder, { declared: say(said), ...fields }),
      evidence: [...holder.evidence, ...holder.filed],
    });
    if (holder.off) return yield told({ seen: 'none', agrees: said.provider === 'none' });
    const seen = holder.metrics === undefined ? undefined : observe(holder.metrics, input);
    const [providers, keys] = [namesOf(seen?.writers.providers ?? new Map()), namesOf(seen?.writers.keys ?? new Map())];
    if (seen === undefined || providers.length === 0)
      return yield unseenRow(
        input,
        holder,
        'no Secret was written since its configuration took effect',
        'write a Secret and collect again',
      );
    const agrees = providers.every((each) => each === said.provider) && keys.every((each) => each === said.key);
    if (seen.mixed)
      return yield unseenRow(input, holder, 'its counters reach back before its last reload', 'collect again after a Secret was written');
    yield { ...told({ seen: [...providers, ...keys].join(' '), agrees }), ...(seen.since && { since: seen.since }) };
  },
  { of: 'servers' },
);

/** Reads that the present writer did not write, by what did. */
function outdatedOf({ providers, keys }: Counts, { provider, key }: Writer): readonly string[] {
  const forms = namesOf(providers).filter((name) => name !== provider);
  const names = key === '' ? [] : namesOf(keys).filter((name) => name !== key);
  return [...forms.map((name) => (name === 'none' ? 'plain text' : name)), ...names.map((name) => `key ${name}`)];
}

function readByWriter({ readers: { providers, keys } }: Observation, { provider, key }: Writer): number {
  const all = providers.get(provider) ?? 0;
  return key === '' || !keys.has(key) ? all : Math.min(all, keys.get(key) ?? 0);
}

export const secretReads = holderPopulation(
  'secretReads',
  'An API server that encrypts Secrets, with what of earlier keys and providers it still reads',
  function* (input, holder, all): Iterable<Row> {
    const { isServer, off, metrics } = holder;
    if (!isServer || off) return;
    const seen = metrics === undefined ? undefined : observe(metrics, input);
    if (seen === undefined) return yield unseenRow(input, holder, 'its reads of Secrets were not seen', 'get /metrics of every API server');
    const file = declaredWriter(holder);
    const writer = only(seen.writers) ?? (file !== undefined && file.problem === '' && file.covers ? file : undefined);
    if (writer === undefined)
      return yield unseenRow(input, holder, 'which key writes is not known', `write a Secret and collect again, or ${withFile}`);
    if (writer.provider === 'none' || writer.provider === 'identity') return;
    const recent = seen.recentReaders === undefined ? [] : outdatedOf(seen.recentReaders, writer);
    const told = (outdated: readonly string[], reason: string) => holderRow(holder, { outdated, reason });
    if (recent.length > 0) return yield told(recent, `${say(writer)} writes, and Secrets of ${recent.join(', ')} were read`);
    const migration = rewrittenBy(input, all);
    if (migration !== undefined)
      return yield {
        ...told([], `StorageVersionMigration ${migration.name} rewrote all Secrets`),
        evidence: [...holder.evidence, migration.id],
      };
    const before = outdatedOf(seen.readers, writer);
    const count = readByWriter(seen, writer);
    const enough = seen.stored !== undefined && count > 0 && count >= seen.stored;
    const counted = metrics !== undefined && countedFromStart(metrics, input);
    if (before.length === 0 && enough && counted) return yield told([], `all ${count} reads were of ${say(writer)}`);
    const detail =
      before.length > 0
        ? `Secrets of ${before.join(', ')} were read since its start; whether they are rewritten is unknown`
        : enough
          ? 'its configuration was loaded anew since it started, and what it had read before may not be counted'
          : `${count} reads of ${say(writer)} do not show all Secrets (${seen.stored ?? 'nobody knows how many'})`;
    yield unseenRow(input, holder, detail, 'rewrite all Secrets, restart the API server, which then reads every Secret, and collect again');
  },
  { also: [migrationsKind], of: 'servers' },
);
