/** Paths of a large and unfriendly cluster: shared steps, many alike, a long chain, possible ones, names that misbehave. */
import type { PathsInput } from '../../src/reporting/index.ts';
import { hostile } from './fixture-catalog.ts';

type Path = PathsInput['paths'][number];
type Hop = Path['hops'][number];

const titles = {
  'create-workload': 'Create a workload whose pods have a service account, Secrets and a node of choice',
  'control-plane-node': 'Use the keys on a node of the control plane',
  'hold-everything': 'Hold every right cluster-wide',
  'impersonate-group': 'Act as a member of a group',
  'exec-into-pod': 'Run a command in a running pod',
  'account-of-pod': 'Use the token that is mounted in a pod',
  'read-secret': 'Read a Secret',
  'account-of-secret': 'Use the token in a token Secret',
  masters: 'Be in system:masters',
} as const;
type Technique = keyof typeof titles;
/** Technique, where it leads, the binding; possible when it has a reason. */
type Step = readonly [technique: Technique, to: string, binding?: string | undefined, because?: string];

const node = 'Node/control-plane-1';
const admin = 'cluster-admin';
const keys: Step = ['control-plane-node', admin];

function path(from: string, steps: readonly Step[], kind: Path['kind'] = 'shortest'): Path {
  let at = from;
  const hops = steps.map(([technique, to, binding, because]): Hop => {
    const right = binding === undefined ? '' : 'create deployments.apps in clinic';
    const hop = {
      technique,
      title: titles[technique],
      from: at,
      to,
      right,
      through: binding === undefined ? titles[technique] : `${binding} → ClusterRole/edit → rule 1: create deployments.apps`,
      bindings: binding === undefined ? [] : [binding],
      certain: because === undefined,
      because: because ?? null,
    };
    at = to;
    return hop;
  });
  return { from, kind, certain: hops.every(({ certain }) => certain), hops };
}

const many = Array.from({ length: 42 }, (_, index) => {
  const namespace = `team-${index % 3}`;
  return path(`ServiceAccount/${namespace}/deployer-${String(index).padStart(2, '0')}`, [
    ['create-workload', node, `RoleBinding/${namespace}/deployers`],
    keys,
  ]);
});
const chain: readonly Step[] = [
  ['exec-into-pod', 'Pod/shop/web-0', 'RoleBinding/shop/support'],
  ['account-of-pod', 'ServiceAccount/shop/web'],
  ['read-secret', `Secret/vault/${hostile.long}`, 'RoleBinding/vault/web-reads-secrets', 'the content of the Secret is in no evidence'],
  ['account-of-secret', 'ServiceAccount/vault/controller', undefined, 'the content of the Secret is in no evidence'],
  ['hold-everything', admin, 'ClusterRoleBinding/vault-controller'],
];
const unlike = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'].map((name) =>
  path(`ServiceAccount/${name}/runner`, [
    ['exec-into-pod', `Pod/${name}/agent`, `RoleBinding/${name}/${hostile.unbroken}`],
    ['account-of-pod', `ServiceAccount/${name}/agent`],
    ['hold-everything', admin, `ClusterRoleBinding/${name}-agent`],
  ]),
);

const all: readonly Path[] = [
  path(`User/${hostile.formula}`, [['hold-everything', admin, `ClusterRoleBinding/${hostile.plus}`]]),
  path(`User/${hostile.override}`, [['hold-everything', admin, `ClusterRoleBinding/${hostile.zalgo}`]]),
  path('User/alice', [
    ['impersonate-group', 'Group/developers', 'ClusterRoleBinding/support-desk'],
    ['create-workload', node, 'RoleBinding/sandbox/developers'],
    keys,
  ]),
  path(
    'User/alice',
    [
      ['impersonate-group', 'Group/system:masters', 'ClusterRoleBinding/support-desk'],
      ['masters', admin],
    ],
    'leastPrivileged',
  ),
  path('Group/developers', [['create-workload', node, 'RoleBinding/sandbox/developers'], keys]),
  path(`Group/${hostile.unbroken}`, [['create-workload', node, `RoleBinding/${hostile.long}`], keys]),
  path(`User/${hostile.scripts}`, chain),
  ...many,
  ...unlike,
];

export const manyPaths: PathsInput = {
  run: 168,
  at: '2026-09-28T00:27:24.000Z',
  techniques: 54,
  certain: all.filter(({ kind, certain }) => kind === 'shortest' && certain).length,
  possible: 1,
  builtin: 15,
  paths: all.toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0)),
  removals: [
    { binding: 'RoleBinding/team-0/deployers', role: 'ClusterRole/edit', cuts: 14, of: 54 },
    { binding: `RoleBinding/${hostile.long}`, role: `ClusterRole/${hostile.unbroken}`, cuts: 1, of: 54 },
  ],
  cut: {
    bindings: Array.from({ length: 44 }, (_, index) => `RoleBinding/team-${index}/deployers`),
    cuts: 53,
    keep: 1,
    minimum: false,
  },
  gaps: [
    {
      reason: 'forbidden',
      what: 'secrets',
      detail: `paths through tokens in Secrets ${hostile.markup}`,
      closedBy: 'kubevidence manifests rbac --with secrets | kubectl apply -f -',
    },
    { reason: 'absent', what: 'flagz', detail: 'whether kubelets read by a GET' },
  ],
  notes: ['the API server asks a webhook, too'],
};

export const noPaths: PathsInput = {
  ...manyPaths,
  certain: 0,
  possible: 0,
  builtin: 0,
  paths: [],
  removals: [],
  cut: null,
  gaps: [],
  notes: [],
};
