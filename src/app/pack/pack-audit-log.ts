/** How the API servers kept their audit log at one run, by their flags: where one writes its own files, and by what age it deletes them. */
import { readPopulation } from '../../assessment/index.ts';
import type { EvidenceReader } from '../../model/index.ts';
import { KubevidenceError, textAt } from '../../model/index.ts';
import { populations } from '../../populations/index.ts';
import type { AuditLogSetting } from '../../reporting/index.ts';

/** More days than that are never: dates end somewhere, and so do clusters. */
const never = 100_000;

export function readAuditLog(reader: EvidenceReader): AuditLogSetting {
  const apiServers = populations.find(({ name }) => name === 'apiServers');
  if (apiServers === undefined) throw new KubevidenceError('defect', 'there is no population of API servers');
  const read: Server[] = [];
  let complete = true;
  const { gaps } = readPopulation(apiServers, reader, (row) => {
    const server = readServer((flag) => textAt(row['flags'], flag));
    if (server === undefined || (row.gaps ?? []).length > 0) complete = false;
    if (server !== undefined) read.push(server);
  });
  const days = read.flatMap((server) => (server.file && server.days !== null ? [server.days] : []));
  return {
    servers: read.length,
    complete: complete && gaps.length === 0,
    withoutFile: read.filter(({ file }) => !file).length,
    elsewhere: read.filter(({ file, elsewhere }) => !file && elsewhere).length,
    days: days.length === 0 ? null : Math.min(...days),
  };
}

interface Server {
  readonly file: boolean;
  readonly elsewhere: boolean;
  /** Null: without end. */
  readonly days: number | null;
}

/** Undefined where a flag that decides was not read, or is no number. */
function readServer(flag: (name: string) => string | undefined): Server | undefined {
  const [policy, path, age] = [flag('audit-policy-file'), flag('audit-log-path'), flag('audit-log-maxage')];
  if (policy === undefined || path === undefined) return undefined;
  // Without a policy no event is recorded, wherever it would go (k8s.io/apiserver pkg/server/options/audit.go).
  if (policy === '') return { file: false, elsewhere: false, days: null };
  // `-` is standard output. A webhook whose file is not known is one.
  if (path === '' || path === '-') return { file: false, elsewhere: path === '-' || flag('audit-webhook-config-file') !== '', days: null };
  if (age === undefined || !/^\d{1,9}$/.test(age)) return undefined;
  const days = Number(age);
  return { file: true, elsewhere: false, days: days === 0 || days > never ? null : days };
}
