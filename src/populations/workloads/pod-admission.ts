/**
 * Every namespace with the Pod Security level that it enforces. Where the API server has an admission configuration file, that file can set
 * another default and exempt namespaces, users and runtime classes, so that labels alone decide nothing. Where an API server has the plugin
 * PodSecurity disabled, no namespace enforces anything: pods get in there, whatever the other servers refuse.
 */
import type { Gap, Population, Row, StoredObject } from '../../model/index.ts';
import { listAt, textAt } from '../../model/index.ts';
import { apiServers, eachApiServer } from '../control-plane/api-servers.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { readOnce } from '../read-once.ts';
import { summarizeWorkloads } from './pod-parts.ts';
import { podListings } from './pod-specs.ts';

const levels: ReadonlySet<string> = new Set(['privileged', 'baseline', 'restricted']);

interface Setting {
  /** The path of the admission configuration file, where some API server is known to have one. */
  readonly file: string;
  /** What shows the API servers that have the plugin disabled. */
  readonly disabledBy: readonly string[];
}

/** Servers that show no flags are no gap here: labels hold there too. */
const readSetting = readOnce((input): Setting => {
  const servers = [...eachApiServer({ ...input, gap: () => undefined })];
  const disabled = servers.filter((row) => listAt(row['lists'], 'disable-admission-plugins').includes('PodSecurity'));
  return {
    file: servers.map((row) => textAt(row['flags'], 'admission-control-config-file') ?? '').find((path) => path !== '') ?? '',
    disabledBy: [...new Set(disabled.flatMap(({ evidence }) => evidence))],
  };
});

/** By what it says: the same rows of the same namespaces, as long as nothing that they follow from changes. */
const held = new WeakMap<StoredObject, { readonly said: string; readonly row: Row }>();

function heldRow(object: StoredObject, said: string, make: () => Row): Row {
  let known = held.get(object);
  if (known?.said !== said) held.set(object, (known = { said, row: make() }));
  return known.row;
}

export const podAdmission: Population = {
  name: 'podAdmission',
  doc: 'A namespace, with the Pod Security level that it enforces',
  from: ['k8s.namespaces/namespaces', ...podListings],
  also: (apiServers.also ?? []).filter((kind) => !podListings.includes(kind)),
  *rows(input) {
    const { countIn } = summarizeWorkloads(input);
    const { file, disabledBy } = readSetting(input);
    const isDisabled = disabledBy.length > 0;
    // What a file says to a plugin that is disabled does not matter.
    const gaps: readonly Gap[] =
      file === '' || isDisabled
        ? []
        : [
            {
              reason: 'absent',
              what: `admission configuration ${file}`,
              detail: 'it can set defaults and exemptions',
              closedBy: 'the file',
            },
          ];
    const unique = uniqueKeys();
    for (const object of input.each('k8s.namespaces/namespaces')) {
      const label = textAt(object.body, 'metadata', 'labels', 'pod-security.kubernetes.io/enforce') ?? '';
      // A level that admission does not know can only stand in a file, and enforces nothing.
      const enforces = levels.has(label) && !isDisabled ? label : '';
      const [item, hasWorkloads] = [unique(segment(object.name)), countIn(object.name) > 0];
      yield heldRow(object, JSON.stringify([item, hasWorkloads, file, disabledBy]), () => ({
        item,
        resource: resourceOf(object),
        evidence: [object.id, ...disabledBy],
        ...(gaps.length === 0 ? {} : { gaps }),
        namespace: object.name,
        hasWorkloads,
        ...(enforces === '' && gaps.length > 0 ? {} : { enforces }),
      }));
    }
  },
};
