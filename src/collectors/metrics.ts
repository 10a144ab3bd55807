/**
 * Reads the Prometheus text format (exposition format 0.0.4) and keeps the families that controls stand on. Every line must be one that
 * the format knows and the last must be whole: a page that was cut, or that a proxy wrote, is an error and never "no such metric".
 */
import type { Decoder, RawObject } from '../model/index.ts';
import { notWhatWasAsked, textOf } from './decode.ts';
import { ownApiVersion } from './listing.ts';

/** A name, or a prefix that ends in `*`. Histogram buckets are never kept. docs/evidence-sources, sections 1, 2 and 4. */
const families = [
  'apiserver_audit_*',
  'apiserver_authorization_decisions_total',
  'apiserver_encryption_config_controller_*',
  'apiserver_envelope_encryption_*',
  'apiserver_resource_objects',
  'apiserver_storage_objects',
  'apiserver_storage_transformation_operations_total',
  'kubernetes_build_info',
  'process_start_time_seconds',
];
const names = new Set(families.filter((family) => !family.endsWith('*')));
const prefixes = families.filter((family) => family.endsWith('*')).map((family) => family.slice(0, -1));

function isKept(name: string): boolean {
  return names.has(name) || (prefixes.some((prefix) => name.startsWith(prefix)) && !name.endsWith('_bucket'));
}

const sampleStart = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?=[{ \t])/;
const labelPair = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\\n]|\\["\\n])*)"\s*(,|(?=\}))/y;
const sampleValue = /^\s+([-+]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|Inf|NaN))(?:\s+-?[0-9]+)?\s*$/;

/** One sample. `value` is the text of the number, because 64-bit counters do not fit a double. */
interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
}

/** One `MetricFamily` per kept name, samples in the order of the page. */
export const decodeMetrics: Decoder = (body, request) => {
  const text = textOf(body, request);
  if (!text.endsWith('\n')) throw notWhatWasAsked(request, text.trimStart().startsWith('<') ? 'it is HTML or XML' : 'it ends early');
  const samples = new Map<string, Sample[]>();
  let number = 0;
  for (let start = 0; start < text.length; number++) {
    const end = text.indexOf('\n', start);
    const first = text.charCodeAt(start);
    const line = text.slice(start, end);
    start = end + 1;
    if (first === 0x23 /* # */ || line.trim() === '') continue;
    const name = sampleStart.exec(line)?.[1];
    if (name === undefined) throw notWhatWasAsked(request, `line ${number + 1} is no sample`);
    if (!isKept(name)) continue;
    const sample = parseSample(line, name.length);
    if (sample === undefined) throw notWhatWasAsked(request, `line ${number + 1} is no sample of ${name}`);
    const family = samples.get(name);
    if (family === undefined) samples.set(name, [sample]);
    else family.push(sample);
  }
  // Every process of Kubernetes exports its start time; a page without it is not the page that was asked for.
  if (!samples.has('process_start_time_seconds')) throw notWhatWasAsked(request, 'it has no process_start_time_seconds');
  const items = [...samples].map(
    ([name, found]): RawObject => ({
      apiVersion: ownApiVersion,
      kind: 'MetricFamily',
      metadata: { name },
      samples: found.map(({ labels, value }) => ({ labels, value })),
    }),
  );
  return { items };
};

function parseSample(line: string, nameEnd: number): Sample | undefined {
  const labels: Record<string, string> = {};
  let position = nameEnd;
  if (line[position] === '{') {
    position += 1;
    for (;;) {
      labelPair.lastIndex = position;
      const pair = labelPair.exec(line);
      if (pair === null) break;
      if (Object.hasOwn(labels, pair[1] ?? '')) return undefined;
      labels[pair[1] ?? ''] = (pair[2] ?? '').replace(/\\(.)/g, (_escape, code: string) => (code === 'n' ? '\n' : code));
      position = labelPair.lastIndex;
      if (pair[3] !== ',') break;
    }
    const close = /\s*\}/y;
    close.lastIndex = position;
    if (!close.test(line)) return undefined;
    position = close.lastIndex;
  }
  const value = sampleValue.exec(line.slice(position))?.[1];
  return value === undefined ? undefined : { labels, value };
}
