/** Which cluster this is and which version it runs. Both are open to every authenticated user; the uid is that of kube-system. */
import type { Collector } from '../model/index.ts';
import { textAt } from '../model/index.ts';
import { notWhatWasAsked, parseObject } from './decode.ts';
import { apiListing, ownApiVersion } from './listing.ts';

export const cluster: Collector = {
  kind: 'k8s.cluster',
  version: 1,
  title: 'Cluster version and identity',
  listings: [
    {
      kind: 'k8s.cluster/version',
      needs: [{ verb: 'get', nonResourceURL: '/version' }],
      withoutIt: 'no benchmark can be chosen by the version of the cluster',
      requests: () => [{ path: '/version', paged: false, what: 'version' }],
      decode: (body, request) => {
        const version = parseObject(body, request);
        if (textAt(version, 'gitVersion') === undefined) throw notWhatWasAsked(request, 'it has no gitVersion');
        return { items: [{ ...version, apiVersion: ownApiVersion, kind: 'Version', metadata: { name: 'version' } }] };
      },
      keep: ['major', 'minor', 'gitVersion', 'gitCommit', 'buildDate', 'goVersion', 'platform', 'emulationMajor', 'emulationMinor'],
      assurance: 'observed',
    },
    apiListing({
      kind: 'k8s.cluster/identity',
      group: '',
      version: 'v1',
      resource: 'namespaces',
      type: 'Namespace',
      query: { fieldSelector: 'metadata.name=kube-system' },
      withoutIt: 'nothing shows that two runs under one name read the same cluster',
      keep: [],
    }),
  ],
};
