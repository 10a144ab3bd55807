/**
 * ConfigMaps, whose text people type passwords into: which keys they have, and which rule recognised a credential in the text of each. The
 * text itself passes the scrubber in memory and leaves a marker. Off unless switched on, because the right to list them is the right to
 * read them; binary data leaves its keys and is not looked at.
 */
import type { AccessRule, Collector, RequestSpec } from '../model/index.ts';
import { decodeList } from './decode.ts';

const needs: readonly AccessRule[] = [{ apiGroup: '', resource: 'configmaps', verb: 'list' }];

function request(path: string, what: string): RequestSpec {
  // One can hold 1 MiB, so pages are small.
  return { path, query: { limit: '100' }, paged: true, what };
}

export const configmaps: Collector = {
  kind: 'k8s.configmaps',
  version: 1,
  title: 'ConfigMaps: keys, and rules that recognise a credential',
  optIn: true,
  listings: [
    {
      kind: 'k8s.configmaps/configmaps',
      needs,
      withoutIt: 'credentials in ConfigMaps are not looked for',
      requests: ({ namespaces }) =>
        namespaces === undefined
          ? [request('/api/v1/configmaps', 'configmaps')]
          : namespaces.map((namespace) => request(`/api/v1/namespaces/${namespace}/configmaps`, `configmaps in ${namespace}`)),
      decode: decodeList('ConfigMap'),
      keep: [
        { path: 'metadata.annotations', as: 'annotations' },
        { path: 'data', as: 'literal' },
        { path: 'binaryData', as: 'names' },
        'immutable',
      ],
      assurance: 'observed',
      accepts: [{ group: '', kind: 'ConfigMap' }],
      reusable: true,
    },
  ],
};
