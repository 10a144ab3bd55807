/** What people ask in words, as a request: which resource they mean, in which namespace it is asked, and what should be said about that. */
import type { NamedResource } from '../../access/index.ts';
import { nameResource, servedGroups } from '../../access/index.ts';
import type { EvidenceReader } from '../../model/index.ts';
import { KubevidenceError, visible } from '../../model/index.ts';

export interface Question {
  readonly verb: string;
  /** As kubectl knows it: plural, singular or short name, `deployments.apps`, `pods/log`; or a path such as `/metrics`. */
  readonly resource: string;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
}

export interface Asked {
  readonly verb: string;
  readonly path: string | null;
  readonly resource: NamedResource | null;
  /** Null: none was given, and the resource may have one. */
  readonly namespace: string | null;
  readonly name: string | null;
  readonly notes: readonly string[];
}

const resourceVerbs = 'get list watch create update patch delete deletecollection';
const otherVerbs = 'use bind escalate impersonate approve sign attest proxy head post put options *';
const knownVerbs = new Set(`${resourceVerbs} ${otherVerbs}`.split(' '));
/** Verbs of requests on one object, which for a Namespace count as requests inside it. */
const verbsOnOne = new Set(['get', 'update', 'patch', 'delete']);

export function ask(reader: EvidenceReader, { verb, resource: text, name, namespace }: Question): Asked {
  if (verb === '' || text === '') throw new KubevidenceError('usage', 'a verb and a resource are needed', { next: 'Ask like: get pods' });
  const notes: string[] = [];
  if (!knownVerbs.has(verb) && !/^impersonate(-on)?:/.test(verb))
    notes.push(`${verb} is no verb of Kubernetes itself; verbs are ${resourceVerbs.replaceAll(' ', ', ')} and a few more`);
  if (text.startsWith('/')) {
    if (name !== undefined)
      throw new KubevidenceError('usage', 'a path has no name behind it', { next: `Ask like: ${visible(verb)} /healthz` });
    if (namespace !== undefined) notes.push('a path is in no namespace: -n has no effect');
    return { verb, path: text, resource: null, namespace: '', name: null, notes };
  }
  const resource = nameResource(text, servedGroups(reader));
  if (resource.note !== null) notes.push(resource.note);
  const asked = { verb, path: null, resource, name: name ?? null };
  if (resource.resource === 'namespaces' && resource.group === '' && verbsOnOne.has(verb)) {
    const object = name ?? namespace;
    if (object !== undefined && namespace !== undefined && name !== undefined && name !== namespace)
      notes.push(`a request for the namespace ${name} is made inside it: -n has no effect`);
    return { ...asked, name: object ?? null, namespace: object ?? null, notes };
  }
  if (resource.namespaced === false) {
    if (namespace !== undefined) notes.push(`${resource.resource} are in no namespace: -n has no effect, and neither has any RoleBinding`);
    return { ...asked, namespace: '', notes };
  }
  return { ...asked, namespace: namespace ?? null, notes };
}
