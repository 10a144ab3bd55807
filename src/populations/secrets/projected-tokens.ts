/**
 * Tokens that a pod asks for in a projected volume of its own making: for whom they are, and for how long. The token that the API server
 * itself adds to a pod is not among them (tokenMounts has it); pods of one workload that ask for the same count once.
 */
import type { Json, Population, Row } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import { segment, uniqueKeys } from '../identity.ts';
import { readPodSpecs } from '../workloads/pod-parts.ts';
import type { PodSpec } from '../workloads/pod-specs.ts';
import { accountOf, podListings } from '../workloads/pod-specs.ts';

/** core/v1 ServiceAccountTokenProjection: what holds when nobody says how long. */
const defaultSeconds = 3600;
/** plugin/pkg/admission/serviceaccount: the volume that it adds, and the lifetime that marks its token. */
const added = /^kube-api-access-[a-z0-9]{5}$/;
const addedSeconds = 3607;

interface Asked {
  readonly volume: string;
  readonly path: string;
  readonly audience: string;
  readonly seconds: number;
}

function asked(volume: Json): readonly Asked[] {
  const name = textAt(volume, 'name') ?? '';
  return listAt(volume, 'projected', 'sources').flatMap((source) => {
    const token = at(source, 'serviceAccountToken');
    if (!isObject(token)) return [];
    const given = at(token, 'expirationSeconds');
    const seconds = typeof given === 'number' ? given : defaultSeconds;
    if (added.test(name) && seconds === addedSeconds) return [];
    return [{ volume: name, path: textAt(token, 'path') ?? '', audience: textAt(token, 'audience') ?? '', seconds }];
  });
}

function toRow(item: string, { resource, evidence, namespace, workload, template, spec }: PodSpec, token: Asked): Row {
  return { item, resource, evidence, namespace, workload, template, account: accountOf(spec), ...token };
}

export const projectedTokens: Population = {
  name: 'projectedTokens',
  doc: 'A token that a pod or template asks for in a projected volume, with its audience and how long it holds',
  from: podListings,
  byNamespace: true,
  *rows(input) {
    const unique = uniqueKeys();
    const seen = new Set<string>();
    for (const pod of readPodSpecs(input))
      for (const volume of listAt(pod.spec, 'volumes'))
        for (const token of asked(volume)) {
          const key = `${segment(pod.namespace)}/${pod.workload}/${segment(token.volume)}/${segment(token.path)}`;
          const same = `${key} ${token.seconds} ${token.audience}`;
          if (seen.has(same)) continue;
          seen.add(same);
          yield toRow(unique(key), pod, token);
        }
  },
};
