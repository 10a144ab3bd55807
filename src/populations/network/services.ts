/** Every Service, with the ways in which it can be reached from outside the cluster. */
import type { Json, Population } from '../../model/index.ts';
import { at, listAt, textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { holdMostAddresses, networksOf } from './spans.ts';

function words(value: Json, ...path: readonly string[]): readonly string[] {
  return listAt(value, ...path).filter((entry) => typeof entry === 'string');
}

export const services: Population = {
  name: 'services',
  doc: 'A Service, with the ways in which it can be reached from outside the cluster',
  from: ['k8s.services/services'],
  *rows(input) {
    const unique = uniqueKeys();
    for (const object of input.each('k8s.services/services')) {
      const ranges = words(object.body, 'spec', 'loadBalancerSourceRanges');
      const numbers = (field: string) =>
        listAt(object.body, 'spec', 'ports').flatMap((port) => {
          const number = at(port, field);
          return typeof number === 'number' && number !== 0 ? [number] : [];
        });
      yield {
        item: unique(`${segment(object.namespace)}/${segment(object.name)}`),
        resource: resourceOf(object),
        evidence: [object.id],
        namespace: object.namespace,
        service: `${object.namespace}/${object.name}`,
        type: textAt(object.body, 'spec', 'type') ?? 'ClusterIP',
        ports: numbers('port'),
        nodePorts: numbers('nodePort'),
        externalIPs: words(object.body, 'spec', 'externalIPs'),
        sourceRanges: ranges,
        // Without ranges a load balancer takes everybody.
        openToAll: ranges.length === 0 || holdMostAddresses(ranges.map((range) => networksOf(range))),
      };
    }
  },
};
