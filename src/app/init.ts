/** `init`: a directory in which collect, assess and pack create run without an edit. Asks nothing that has a good default; replaces nothing. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ContextSummary } from '../sources/index.ts';
import { listContexts } from '../sources/index.ts';
import { KubevidenceError, visible } from '../model/index.ts';
import { loadConfig } from './config.ts';
import type { AppContext } from './context.ts';
import { packageRoot } from './context.ts';
import { ensureKeys } from './keys/keys.ts';

export interface InitReport {
  readonly file: string;
  readonly cluster: string;
  readonly context: ContextSummary | null;
  readonly otherContexts: number;
  /** Of the document key that was made, or null when keys were there. */
  readonly fingerprint: string | null;
  readonly keys: string;
}

export async function init(
  context: AppContext,
  options: { readonly organization?: string | undefined; readonly cluster?: string | undefined; readonly context?: string | undefined },
): Promise<InitReport> {
  const file = join(context.cwd, 'kubevidence.yaml');
  if (existsSync(file))
    throw new KubevidenceError('usage', 'there is a kubevidence.yaml here already; it was left as it is', {
      next: 'Edit it, or run init in another directory.',
    });
  let contexts: readonly ContextSummary[] = [];
  try {
    contexts = listContexts({ env: context.env });
  } catch (error) {
    if (options.context !== undefined) throw error;
    context.warn('no kubeconfig was found: name the cluster in kubevidence.yaml later');
  }
  const chosen =
    options.context === undefined ? contexts.find((each) => each.current) : contexts.find((each) => each.name === options.context);
  if (options.context !== undefined && chosen === undefined)
    throw new KubevidenceError('configuration', `the kubeconfig has no context ${options.context}`, {
      next: `Known: ${contexts.map((each) => each.name).join(', ') || 'none'}`,
    });
  const cluster = options.cluster ?? clusterName(chosen?.name);
  const others = contexts.filter((each) => each !== chosen);
  const organization = options.organization ?? 'Unnamed organization';
  writeFileSync(file, template({ organization, cluster, context: chosen?.name, others, timezone: machineTimezone() }), {
    mode: 0o600,
    flag: 'wx',
  });
  const config = loadConfig({ cwd: context.cwd, uid: context.uid });
  const fingerprint = await ensureKeys(context, config);
  return {
    file,
    cluster,
    context: chosen ?? null,
    otherContexts: others.length,
    fingerprint,
    keys: config.keys.certificate,
  };
}

/** A context's name as a cluster's name: what the ledger's key allows, without the noise that tools put in front. */
function clusterName(context: string | undefined): string {
  const name = (context ?? '')
    .replace(/^.*[@/]/, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63);
  return name === '' ? 'cluster' : name;
}

function machineTimezone(): string {
  return new Intl.DateTimeFormat('en').resolvedOptions().timeZone;
}

/** Further clusters that are proposed, so that the file stays short where a kubeconfig has hundreds. */
const mostProposed = 10;

interface Proposal {
  readonly organization: string;
  readonly cluster: string;
  readonly context: string | undefined;
  readonly others: readonly ContextSummary[];
  readonly timezone: string;
}

function template({ organization, cluster, context, others, timezone }: Proposal): string {
  // On one line, whatever is in it.
  const text = (value: string) => (visible(value) === value ? stringify(value, { lineWidth: 0 }).trimEnd() : JSON.stringify(value));
  // In a comment: no line may end it.
  const inline = (value: string) => JSON.stringify(visible(value));
  const names = new Set([cluster]);
  const proposed = others.slice(0, mostProposed).map(({ name, server }) => {
    let own = clusterName(name);
    for (let count = 2; names.has(own); count++) own = `${clusterName(name).slice(0, 59)}-${count}`;
    names.add(own);
    return `  # - {name: ${own}, context: ${inline(name)}} # ${visible(server ?? 'no server')}\n`;
  });
  const more = others.length > mostProposed ? `  # and ${others.length - mostProposed} more contexts of the kubeconfig\n` : '';
  const zone =
    timezone === 'UTC'
      ? '# timezone: Europe/Berlin # of the schedule and of reports; default: UTC'
      : `timezone: ${timezone} # of the schedule and of reports`;
  return `# yaml-language-server: $schema=${join(packageRoot, 'schemas', 'config.schema.json')}
# Everything not written here has a default. Relative paths are relative to this file.
organization: ${text(organization)} # printed on every report
ledger: sqlite:kubevidence/ledger.db # evidence, append-only; back it up with kubevidence/keys
clusters:
  - name: ${text(cluster)} # the cluster's key in the ledger; never give it to another cluster
    ${context === undefined ? '# context: my-context # of the kubeconfig; default: the current one' : `context: ${text(context)}`}
${proposed.join('')}${more}
${zone}
# schedule:
#   collect: "0 6 * * *" # minute hour day month weekday; run by kubevidence serve; slots that nobody runs are recorded as missed
# timeToLive: {default: 26h} # how long evidence holds; a little more than passes between two slots

# frameworks: [cis-kubernetes, hipaa-security-rule, gdpr] # default: all
# collectors:
#   secrets: true # types, names and ages of Secrets, never values; needs "list secrets", which is full read
#   configmaps: true # credentials in ConfigMaps: where and by which rule, never the text; needs "list configmaps"
#   certmanager: true # when certificates of cert-manager end
#   externalsecrets: true # whether External Secrets, Sealed Secrets and Flux with SOPS bring what they should
# params:
#   RBAC-001:
#     allowed: ["Group/system:masters", "Group/kubeadm:cluster-admins", "User/break-glass"]
# controls: [./controls] # directories with your own controls
# keepAnnotations: [example.com/change-ticket] # annotation values that reports may show
# signing:
#   timestampAuthority: {url: "https://tsa.example/tsr", ca: tsa-root.pem} # RFC 3161: somebody else's clock vouches for the times
`;
}
