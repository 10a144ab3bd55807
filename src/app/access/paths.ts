/** `access paths`: who can climb to a target and how, by the techniques in force. */
import type { AccessPaths, Target } from '../../access/index.ts';
import { findPaths, readAuthorizers } from '../../access/index.ts';
import type { EvidenceReader } from '../../model/index.ts';
import { findNearest, isComplete, KubevidenceError, visible } from '../../model/index.ts';
import { loadTechniquesInForce } from '../catalog.ts';
import { loadConfig, loadNamedConfig } from '../config.ts';
import type { AppContext } from '../context.ts';
import type { EvidenceOptions } from './evidence.ts';
import { sourceOf, withEvidence } from './evidence.ts';

export interface PathsOptions extends EvidenceOptions {
  /** `cluster-admin` (default), `secret:NS/NAME`, `node:NAME`. */
  readonly to?: string | undefined;
  /** `User/alice`, `Group/dev`, `ServiceAccount/ns/name`, or as the API server names users. */
  readonly subject?: string | undefined;
  /** Also the paths that the cluster is made with. */
  readonly all?: boolean | undefined;
}

export function accessPaths(context: AppContext, options: PathsOptions): Promise<AccessPaths> {
  const target = parseTarget(options.to ?? 'cluster-admin');
  const subject = options.subject === undefined ? undefined : parseSubject(options.subject);
  const { cwd, uid } = context;
  const config =
    options.from === undefined ? loadConfig({ cwd, path: options.configPath, uid }) : loadNamedConfig(context, options.configPath);
  const techniques = loadTechniquesInForce(config);
  return withEvidence(context, options, (reader) => {
    requireTarget(reader, target);
    const {
      target: to,
      sources,
      ...found
    } = findPaths(reader, techniques, {
      target,
      ...(subject !== undefined && { subject }),
      builtin: options.all === true,
    });
    const { note } = readAuthorizers(reader);
    return {
      schema: 'kubevidence/access-paths/v1',
      ...sourceOf(reader),
      target: to,
      paths: found.paths.map(({ from, to: end, kind, certain, builtin, hops }) => ({
        from,
        to: end,
        kind,
        certain,
        builtin,
        hops: [...hops],
      })),
      subjects: sources,
      builtin: found.builtin,
      removals: [...found.removals],
      cut: found.cut === null ? null : { ...found.cut, bindings: [...found.cut.bindings] },
      complete: found.gaps.length === 0,
      gaps: [...found.gaps],
      notes: note === null ? [] : [note],
    };
  });
}

const targetForm = 'Write cluster-admin, secret:NAMESPACE/NAME or node:NAME.';

/** Errors: `usage`. */
export function parseTarget(text: string): Target {
  if (text === 'cluster-admin') return { kind: 'cluster-admin' };
  const [, namespace, secret] = /^secret:([^/]+)\/([^/]+)$/.exec(text) ?? [];
  if (namespace !== undefined && secret !== undefined) return { kind: 'secret', namespace, name: secret };
  const node = /^node:([^/]+)$/.exec(text)?.[1];
  if (node !== undefined) return { kind: 'node', name: node };
  throw new KubevidenceError('usage', `${visible(text)} is no target`, { next: targetForm });
}

/** As paths write it. Errors: `usage`. */
export function parseSubject(text: string): string {
  const user = text.startsWith('User/') ? text.slice('User/'.length) : text;
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? [];
  if (namespace !== undefined && name !== undefined) return `ServiceAccount/${namespace}/${name}`;
  if (/^ServiceAccount\/[^/]+\/[^/]+$/.test(text) || /^(User|Group)\/./s.test(text)) return text;
  if (text === '' || text.startsWith('ServiceAccount/'))
    throw new KubevidenceError('usage', `${visible(text)} is no subject`, {
      next: 'Write User/alice, Group/dev or ServiceAccount/NAMESPACE/NAME.',
    });
  return `User/${text}`;
}

/** A node that is known not to be there is a typing error and no proof of safety. */
function requireTarget(reader: EvidenceReader, target: Target): void {
  const listing = reader.listing('k8s.nodes/nodes');
  if (target.kind !== 'node' || listing === undefined || !isComplete(listing)) return;
  const names = [...reader.objects('k8s.nodes/nodes')].map(({ name }) => name);
  if (names.includes(target.name)) return;
  const near = findNearest(target.name, names);
  throw new KubevidenceError('usage', `there is no node ${visible(target.name)} in this evidence`, {
    next: near === undefined ? 'Name one of its nodes.' : `Did you mean ${visible(near)}?`,
  });
}
