import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { rbacManifests } from '../../src/app/index.ts';

interface Rule {
  readonly apiGroups?: string[];
  readonly resources?: string[];
  readonly nonResourceURLs?: string[];
  readonly resourceNames?: string[];
  readonly verbs: string[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: Rule[];
}

const read = (settings: Parameters<typeof rbacManifests>[0]) =>
  parseAllDocuments(rbacManifests(settings, { namespace: 'audit', serviceAccount: 'collector' })).map(
    (document) => document.toJS() as Manifest,
  );

describe('manifests rbac', () => {
  it('asks for get and list only, never for a wildcard, a proxy, exec or tokens', () => {
    const rules = read({ secrets: true }).flatMap((manifest) => manifest.rules ?? []);
    expect(rules.length).toBeGreaterThan(5);
    for (const rule of rules) {
      expect(rule.verbs.every((verb) => verb === 'get' || verb === 'list')).toBe(true);
      const named = [...(rule.apiGroups ?? []), ...(rule.resources ?? []), ...(rule.nonResourceURLs ?? [])];
      expect(named.filter((name) => name.includes('*') || /proxy|exec|token|impersonat/.test(name))).toEqual([]);
    }
  });

  it('does not ask for Secrets unless they are turned on', () => {
    const asks = (settings: Parameters<typeof rbacManifests>[0]) =>
      read(settings).some((manifest) => manifest.rules?.some((rule) => rule.resources?.includes('secrets')));
    expect(asks({})).toBe(false);
    expect(asks({ secrets: true })).toBe(true);
  });

  it('asks for Secrets in the configured namespaces only, each by a Role', () => {
    const withSecrets = read({ secrets: { namespaces: ['a', 'b'] } }).filter((manifest) =>
      manifest.rules?.some((rule) => rule.resources?.includes('secrets')),
    );
    expect(withSecrets.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}`)).toEqual(['Role a', 'Role b']);
  });

  it('reads ConfigMaps by name, and in kube-system only', () => {
    const holders = read({}).filter((manifest) => manifest.rules?.some((rule) => rule.resources?.includes('configmaps')));
    expect(holders.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}`)).toEqual(['Role kube-system']);
    const rule = holders[0]?.rules?.find((each) => each.resources?.includes('configmaps'));
    expect(rule?.verbs).toEqual(['get']);
    expect(rule?.resourceNames).toContain('kubeadm-config');
  });

  it('asks for ConfigMaps at large, Certificates and external stores only where they are turned on', () => {
    const asks = (resource: string, verb: string, settings: Parameters<typeof rbacManifests>[0]) =>
      read(settings).some(({ rules = [] }) =>
        rules.some((rule) => rule.resources?.includes(resource) && rule.verbs.includes(verb) && rule.resourceNames === undefined),
      );
    const switches = {
      configmaps: 'configmaps',
      certificates: 'certmanager',
      externalsecrets: 'externalsecrets',
      sealedsecrets: 'externalsecrets',
    };
    for (const [resource, collector] of Object.entries(switches)) {
      expect([resource, asks(resource, 'list', {})]).toEqual([resource, false]);
      expect([resource, asks(resource, 'list', { [collector]: true })]).toEqual([resource, true]);
    }
    const inOne = read({ configmaps: { namespaces: ['a'] } }).filter(({ rules = [] }) =>
      rules.some((rule) => rule.resources?.includes('configmaps') && rule.verbs.includes('list')),
    );
    expect(inOne.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}`)).toEqual(['Role a']);
  });
});
