/**
 * An object's identity (apiVersion, kind, namespace, name, uid) normally follows from its body. Where it does not (evidence that is no API
 * object, or that has a place in a file), the tree carries it as the object's label.
 */
import { canonicalize, type EvidenceObject, isObject, type Json, type JsonObject, KubevidenceError, textAt } from '../model/index.ts';

type Identified = Omit<EvidenceObject, 'resourceVersion'>;

/** Empty when the body says it all. */
export function labelOf(object: EvidenceObject): string {
  const { apiVersion, type, namespace, name, uid, place } = object;
  const own = identityIn(object.body);
  const follows = own.apiVersion === apiVersion && own.type === type && own.namespace === namespace && own.name === name && own.uid === uid;
  return follows && place === undefined
    ? ''
    : canonicalize([apiVersion, type, namespace, name, uid, place?.file ?? null, place?.line ?? null]);
}

/** The object that these bytes and this label are of; throws `integrity` for bytes or labels that no object has. */
export function identify(bytes: Buffer, label: string): Identified {
  const body = parse(bytes.toString('utf8'));
  if (!isObject(body)) throw new KubevidenceError('integrity', 'a stored object is no JSON object');
  if (label === '') return { ...identityIn(body), body };
  const parts = parse(label);
  const [apiVersion, type, namespace, name, uid, file, line] = Array.isArray(parts) ? (parts as string[]) : [];
  if (apiVersion === undefined || type === undefined || namespace === undefined || name === undefined || uid === undefined) {
    throw new KubevidenceError('integrity', 'the label of a stored object is malformed');
  }
  return { apiVersion, type, namespace, name, uid, body, ...(typeof file === 'string' ? { place: { file, line: Number(line) } } : {}) };
}

function identityIn(body: JsonObject): Omit<Identified, 'body' | 'place'> {
  return {
    apiVersion: textAt(body, 'apiVersion') ?? '',
    type: textAt(body, 'kind') ?? '',
    namespace: textAt(body, 'metadata', 'namespace') ?? '',
    name: textAt(body, 'metadata', 'name') ?? '',
    uid: textAt(body, 'metadata', 'uid') ?? '',
  };
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new KubevidenceError('integrity', 'a stored object is no JSON', { cause });
  }
}
