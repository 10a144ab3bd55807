/**
 * At which stages the API server writes an event for a request, when nothing goes wrong inside of it (then Panic takes the place of
 * ResponseComplete). After k8s.io/apiserver 0.36 pkg/endpoints/filters/{audit,authn_audit}.go and pkg/server/filters/longrunning.go with
 * the verbs and subresources of k8s.io/kubernetes pkg/controlplane/apiserver/config.go.
 */
import type { AuditDecision, AuditRequest } from './decide.ts';
import type { AuditPolicy, Stage } from './policy.ts';
import { isForEverything } from './policy.ts';

export function stagesOf(request: AuditRequest, { level, omitStages }: AuditDecision): readonly Stage[] {
  if (level === 'None') return [];
  const all: readonly Stage[] =
    request.user === null
      ? ['ResponseStarted']
      : isLongRunning(request)
        ? ['RequestReceived', 'ResponseStarted', 'ResponseComplete']
        : ['RequestReceived', 'ResponseComplete'];
  return all.filter((stage) => !omitStages.includes(stage));
}

/** Whether any request can leave an event, by a rule that some request gets to. */
export function recordsAnything({ rules }: AuditPolicy): boolean {
  const last = rules.findIndex(isForEverything);
  const reached = last < 0 ? rules : rules.slice(0, last + 1);
  return reached.some(({ level, omitStages }) => level !== 'None' && stagesThatCount.some((stage) => !omitStages.includes(stage)));
}

/** Events at Panic alone are none to look for. */
const stagesThatCount: readonly Stage[] = ['RequestReceived', 'ResponseStarted', 'ResponseComplete'];

function isLongRunning(request: AuditRequest): boolean {
  if (request.verb === 'watch' || request.verb === 'proxy') return true;
  return 'path' in request
    ? request.path.startsWith('/debug/pprof/')
    : ['attach', 'exec', 'proxy', 'log', 'portforward'].includes(request.subresource);
}
