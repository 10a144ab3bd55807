/**
 * Which cluster this is, which version it runs, and which API groups it offers: from their names it can be told which extensions are
 * installed, without reading what is in them. Version and groups are open to every authenticated user; the uid is that of kube-system.
 */
import type { Collector } from '../model/index.ts';
import { listAt, textAt } from '../model/index.ts';
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
    {
      kind: 'k8s.cluster/groups',
      needs: [{ verb: 'get', nonResourceURL: '/apis' }],
      withoutIt: 'external secret stores are not recognised by what they install',
      requests: () => [{ path: '/apis', paged: false, what: 'groups' }],
      decode: (body, request) => {
        const list = parseObject(body, request);
        if (list['kind'] !== 'APIGroupList') throw notWhatWasAsked(request, `it is of kind ${textAt(list, 'kind') ?? '(none)'}`);
        const groups = list['groups'];
        if (!Array.isArray(groups)) throw notWhatWasAsked(request, 'it has no list of groups');
        const items = groups.map((group) => {
          const name = textAt(group, 'name');
          if (name === undefined) throw notWhatWasAsked(request, 'a group has no name');
          const versions = listAt(group, 'versions').flatMap((each) => textAt(each, 'version') ?? []);
          return { apiVersion: ownApiVersion, kind: 'ApiGroup', metadata: { name }, versions: versions.sort() };
        });
        return { items };
      },
      keep: ['versions'],
      assurance: 'observed',
    },
  ],
};
