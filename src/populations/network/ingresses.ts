/**
 * Every host of every Ingress, with whether the Ingress asks for TLS there. What a controller takes from an annotation is not in `spec.tls`:
 * then the annotation's name says that there may be a certificate, and no more.
 */
import type { Json, Population, PopulationInput, StoredObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';

const certificateAnnotations = [
  'alb.ingress.kubernetes.io/certificate-arn',
  // Without an ARN the controller looks for a certificate by the hosts, where one of the ports is for HTTPS.
  'alb.ingress.kubernetes.io/listen-ports',
  'appgw.ingress.kubernetes.io/appgw-ssl-certificate',
  'ingress.gcp.kubernetes.io/pre-shared-cert',
  'networking.gke.io/managed-certificates',
  'traefik.ingress.kubernetes.io/router.tls',
];

/** networking/v1: a wildcard stands for exactly one label. */
function covers(pattern: string, host: string): boolean {
  if (pattern === host) return true;
  return pattern.startsWith('*.') && host.includes('.') && host.slice(host.indexOf('.')) === pattern.slice(1);
}

function hasTls(ingress: StoredObject, host: string): boolean {
  return listAt(ingress.body, 'spec', 'tls').some((entry) => {
    const hosts = listAt(entry, 'hosts').filter((each) => typeof each === 'string');
    // Without hosts an entry is for all of them, the nameless one included.
    return isObject(entry) && (hosts.length === 0 || hosts.some((pattern) => covers(pattern, host)));
  });
}

/** The hosts that requests are taken for; `*` is any, for rules without a host and for a default backend. */
function hostsOf(ingress: StoredObject): readonly string[] {
  const rules = listAt(ingress.body, 'spec', 'rules').map((rule) => textAt(rule, 'host') || '*');
  const withDefault = isObject(at(ingress.body, 'spec', 'defaultBackend')) ? [...rules, '*'] : rules;
  return [...new Set(withDefault)];
}

function controllers(input: PopulationInput): ReadonlyMap<string, { readonly id: string; readonly controller: string }> {
  return new Map(
    [...input.each('k8s.ingresses/ingressclasses')].map(({ id, name, body }) => [
      name,
      { id, controller: textAt(body, 'spec', 'controller') ?? '' },
    ]),
  );
}

function annotationsOf(ingress: StoredObject): Json {
  return at(ingress.body, 'metadata', 'annotations') ?? null;
}

export const ingressHosts: Population = {
  name: 'ingressHosts',
  doc: 'A host of an Ingress, with whether TLS is asked for there',
  from: ['k8s.ingresses/ingresses'],
  also: ['k8s.ingresses/ingressclasses'],
  *rows(input) {
    const classes = controllers(input);
    const unique = uniqueKeys();
    for (const ingress of input.each('k8s.ingresses/ingresses')) {
      const annotations = annotationsOf(ingress);
      const className = textAt(ingress.body, 'spec', 'ingressClassName') ?? '';
      const found = classes.get(className);
      for (const host of hostsOf(ingress)) {
        yield {
          item: unique(`${segment(ingress.namespace)}/${segment(ingress.name)}/${segment(host)}`),
          resource: resourceOf(ingress),
          evidence: found === undefined ? [ingress.id] : [ingress.id, found.id],
          namespace: ingress.namespace,
          ingress: `${ingress.namespace}/${ingress.name}`,
          host,
          tls: hasTls(ingress, host),
          class: className,
          controller: found?.controller ?? '',
          certificateAnnotations: certificateAnnotations.filter((name) => isObject(annotations) && Object.hasOwn(annotations, name)),
        };
      }
    }
  },
};
