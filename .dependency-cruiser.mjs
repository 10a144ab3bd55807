/** The rules of direction of docs/architecture.md, each with its reason. `scripts/boundaries.mjs` runs them and counts the modules. */
const folder = (...names) => `^src/(${names.join('|')})(/|\\.ts$)`;
/** Files of `src/<name>` may import, from src, only these. */
const only = (name, allowed, comment) => ({
  name: `${name}-imports`,
  severity: 'error',
  comment,
  from: { path: `^src/${name}/` },
  to: { path: '^src/', pathNot: folder(name, ...allowed) },
});
/** A vendor library stays in one room. */
const vendor = (library, places) => ({
  name: `vendor-${library.replaceAll(/[@/]/g, '-')}`,
  severity: 'error',
  comment: `${library} stays in ${places}: whoever replaces it touches one room`,
  from: { path: '^src/', pathNot: places },
  to: { path: `node_modules/${library}/` },
});

export default {
  forbidden: [
    only('model', [], 'the vocabulary imports nothing, so that everything can import it'),
    only('catalog', ['model'], 'what is data must load without a cluster, a ledger or a report'),
    only('signing', ['model'], 'keys and signatures know nothing of evidence'),
    only('log', ['model'], 'the verifier and the viewer reuse it without SQL'),
    only('collectors', ['model'], 'collectors declare and decode; they never judge, store or reach a network by themselves'),
    only('sources', ['model', 'collectors'], 'the only room that reaches a cluster; it does not know where evidence is kept'),
    only('ledger', ['model', 'log', 'signing'], 'the store does not know what evidence means'),
    only('access', ['model'], 'pure: what RBAC objects give whom; populations, assessment and the access commands stand on it'),
    only('audit', ['model'], 'pure: what an audit policy records; populations, the simulator and the pack stand on it'),
    only('populations', ['model', 'access', 'audit'], 'pure: evidence comes through an EvidenceReader'),
    only('assessment', ['model', 'catalog', 'access', 'populations'], 'pure: no network, no SQL, no clock'),
    only('mapping', ['model', 'catalog'], 'pure: results in, requirement outcomes out'),
    only('schedule', ['model'], 'pure: which instants are due, whoever runs them'),
    only('reporting', ['model', 'catalog', 'assessment'], 'builds one model; formats see only that'),
    only('packs', ['model', 'log', 'signing', 'reporting'], 'the verifier needs nothing but the pack'),
    {
      name: 'formats-see-the-report-model-only',
      severity: 'error',
      comment: 'a format that reads anything else could say something that the others do not',
      from: { path: '^src/reporting/formats/' },
      to: { path: '^src/', pathNot: '^src/(reporting/formats/|reporting/report-model\\.ts|model/)' },
    },
    {
      name: 'pure-folders',
      severity: 'error',
      comment: 'access, audit, populations, assessment and mapping have no network, files, SQL or clock',
      from: { path: folder('access', 'audit', 'populations', 'assessment', 'mapping') },
      to: { path: '^(node:)?(fs|net|http|https|tls|dns|child_process|worker_threads)(/|$)', dependencyTypes: ['core'] },
    },
    vendor('@kubernetes/client-node', '^src/sources/'),
    vendor('better-sqlite3', '^src/ledger/'),
    vendor('pdfkit', '^src/reporting/formats/'),
    vendor('exceljs', '^src/reporting/(formats|review)/'),
    vendor('cron', '^src/schedule'),
    vendor('commander', '^src/cli/'),
    {
      name: 'one-door',
      severity: 'error',
      comment: "a folder's index.ts is its only door",
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/([^/]+)/.+', pathNot: '^src/($1/|[^/]+/index\\.ts$)' },
    },
    { name: 'no-cycles', severity: 'error', comment: 'a cycle has no top to read from', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', comment: 'an import that resolves to nothing', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      comment: 'the published package must not need what it does not carry',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], extensions: ['.ts', '.mjs', '.js', '.json'], conditionNames: ['import', 'node', 'require', 'default'], mainFields: ['module', 'main'] },
  },
};
