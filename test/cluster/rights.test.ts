/** The least ClusterRole is enough, every rule of it is needed, and without rights there is no verdict at all. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { rbacManifests } from '../../src/app/index.ts';
import { collectors, enabledCollectors } from '../../src/collectors/index.ts';
import { type AccessRule, describeRule } from '../../src/model/index.ts';
import { openCommandLine, type CommandLine } from './command-line.ts';
import { applyWorkloads, startCluster, type TestCluster } from './index.ts';

interface Report {
  readonly status: string;
  readonly listings: readonly { readonly kind: string; readonly gaps: readonly { readonly reason: string }[] }[];
}

const names = { namespace: 'kubevidence', serviceAccount: 'collector' };
let cluster: TestCluster;
let line: CommandLine;

beforeAll(async () => {
  cluster = await startCluster({ node: false, controllerManager: false });
  await applyWorkloads(cluster);
  await cluster.apply(rbacManifests({}, names));
  line = openCommandLine(await cluster.serviceAccountKubeconfig(names.namespace, names.serviceAccount));
});
afterAll(async () => {
  line.remove();
  await cluster.stop();
});

async function collect(): Promise<Report> {
  const { stdout, stderr } = await line.run('collect', '--dry-run', '-o', 'json');
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Report;
}

const forbidden = (report: Report) =>
  report.listings
    .filter(({ gaps }) => gaps.some(({ reason }) => reason === 'forbidden'))
    .map(({ kind }) => kind)
    .sort();

const key = (rule: AccessRule) => describeRule(rule);
const needs = new Map<string, string[]>();
for (const { listings } of enabledCollectors({}))
  for (const listing of listings) for (const rule of listing.needs) needs.set(key(rule), [...(needs.get(key(rule)) ?? []), listing.kind]);

/** Held by every authenticated user through bootstrap roles (system:public-info-viewer, system:discovery); a cluster may have taken them away. */
const bootstrap = new Set(['get /apis', 'get /version']);

/** The manifests with one rule taken out, wherever it stands. */
function without(rule: AccessRule): string {
  interface Rule {
    apiGroups?: string[] | undefined;
    resources?: string[] | undefined;
    resourceNames?: string[];
    nonResourceURLs?: string[] | undefined;
  }
  const documents = parseAllDocuments(rbacManifests({}, names)).map(
    (document) => document.toJS() as { kind: string; metadata: { namespace?: string }; rules?: Rule[] },
  );
  for (const document of documents) {
    if ((document.metadata.namespace ?? '') !== (rule.namespace ?? '') || document.rules === undefined) continue;
    for (const each of document.rules) {
      if (rule.nonResourceURL !== undefined) each.nonResourceURLs = each.nonResourceURLs?.filter((url) => url !== rule.nonResourceURL);
      else if (each.apiGroups?.includes(rule.apiGroup ?? '') && (each.resourceNames === undefined) === (rule.resourceNames === undefined))
        each.resources = each.resources?.filter((resource) => resource !== rule.resource);
    }
    document.rules = document.rules.filter((each) => (each.resources?.length ?? each.nonResourceURLs?.length ?? 0) > 0);
  }
  return documents.map((document) => stringify(document)).join('---\n');
}

describe('the least rights', () => {
  it('are enough for a run that succeeds, and none of them is in excess', async () => {
    const { stdout, code } = await line.run('collect', '-o', 'json');
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as Report;
    expect(forbidden(report)).toEqual([]);
    expect(report.status).toBe('succeeded');
    const assessment = await line.assess();
    expect(assessment.controls.find(({ id }) => id === 'RUN-002')).toMatchObject({ outcome: 'pass', findings: [], gaps: [] });
  });

  it('are each needed: without one, exactly the listings that declare it are missing', async () => {
    const rules = new Map(
      enabledCollectors({}).flatMap(({ listings }) =>
        listings.flatMap((listing) => listing.needs.map((rule) => [key(rule), rule] as const)),
      ),
    );
    expect(rules.size).toBeGreaterThan(15);
    for (const [name, rule] of rules) {
      await cluster.apply(without(rule));
      const report = await collect();
      // Own rights are asked in namespaces that are listed: without them it is said that they were not asked.
      const missing = forbidden(report).filter((kind) => kind !== 'k8s.self/rules' || needs.get(name)?.includes(kind));
      expect(missing, `without: ${name}`).toEqual(bootstrap.has(name) ? [] : [...(needs.get(name) ?? [])].sort());
    }
    await cluster.apply(rbacManifests({}, names));
  }, 300_000);

  it('leave what is opt-in out', () => {
    expect([...needs.keys()].filter((rule) => rule.includes('secrets'))).toEqual([]);
    expect(collectors.some(({ optIn }) => optIn === true)).toBe(true);
  });
});

describe('a user without rights', () => {
  it('gets a failed run, exit 3, and not a single pass', async () => {
    const nobody = openCommandLine(await cluster.userKubeconfig('nobody'));
    try {
      const { code, stdout } = await nobody.run('collect', '-o', 'json');
      expect([code, (JSON.parse(stdout) as Report).status]).toEqual([3, 'failed']);
      const { code: assessed } = await nobody.run('assess');
      expect(assessed).toBe(3);
      const { controls, requirements } = await nobody.assess();
      expect(controls.filter(({ outcome }) => outcome === 'pass')).toEqual([]);
      // Which API groups there are, everybody may read: of an extension that is not there, nothing is missing.
      const spared = controls.filter(({ outcome }) => outcome === 'notApplicable');
      for (const { id, evidence } of spared)
        expect(
          evidence.map(({ kind, complete }) => [kind, complete]),
          id,
        ).toEqual([['k8s.cluster/groups', true]]);
      expect(requirements.filter(({ outcome }) => outcome === 'pass' || outcome === 'notApplicable')).toEqual([]);
      expect(controls.filter(({ outcome, gaps }) => outcome === 'notAssessed' && gaps.length === 0)).toEqual([]);
    } finally {
      nobody.remove();
    }
  });
});
