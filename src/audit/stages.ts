/**
 * At which stages the API server writes an event for a request, when nothing goes wrong inside of it (then Panic takes the place of
 * ResponseComplete). After k8s.io/apiserver 0.36 pkg/endpoints/filters/{audit,authn_audit}.go and pkg/server/filters/longrunning.go with
 * the verbs and subresources of k8s.io/kubernetes pkg/controlplane/apiserver/config.go.
 */
import type { AuditRequest } from './decide.ts';
import type { AuditPolicy, AuditRule, Level, Stage } from './policy.ts';
import { isForEverything } from './policy.ts';

/** A request, or of a kind of requests what tells how long they run; `user`: null when nobody signed in. */
type Staged =
  | AuditRequest
  | { readonly user: string | null; readonly verb: string; readonly path: string }
  | { readonly user: string | null; readonly verb: string; readonly subresource?: string };

export function stagesOf(request: Staged, { level, omitStages }: Pick<AuditRule, 'level' | 'omitStages'>): readonly Stage[] {
  if (level === 'None') return [];
  const all: readonly Stage[] =
    request.user === null
      ? ['ResponseStarted']
      : isLongRunning(request)
        ? ['RequestReceived', 'ResponseStarted', 'ResponseComplete']
        : ['RequestReceived', 'ResponseComplete'];
  return all.filter((stage) => !omitStages.includes(stage));
}

/**
 * What is left in the log of a rule's level: nothing where it omits all stages that such a request has, and no body where an event is
 * written before there is one.
 */
export function levelInLog(request: Staged, rule: Pick<AuditRule, 'level' | 'omitStages'>): Level {
  const [first, ...later] = stagesOf(request, rule);
  if (first === undefined) return 'None';
  return first === 'RequestReceived' && later.length === 0 ? 'Metadata' : rule.level;
}

/** Whether any request can leave an event, by a rule that some request gets to. */
export function recordsAnything({ rules }: AuditPolicy): boolean {
  const last = rules.findIndex(isForEverything);
  const reached = last < 0 ? rules : rules.slice(0, last + 1);
  return reached.some(({ level, omitStages }) => level !== 'None' && stagesThatCount.some((stage) => !omitStages.includes(stage)));
}

/** Events at Panic alone are none to look for. */
const stagesThatCount: readonly Stage[] = ['RequestReceived', 'ResponseStarted', 'ResponseComplete'];

function isLongRunning(request: Staged): boolean {
  if (request.verb === 'watch' || request.verb === 'proxy') return true;
  return 'path' in request
    ? request.path.startsWith('/debug/pprof/')
    : ['attach', 'exec', 'proxy', 'log', 'portforward'].includes(request.subresource ?? '');
}
