/**
 * `npm run bench [-- ARGS]` measures collections and assessments of a real API server (collection.ts); `npm run bench -- growth [ARGS]` what
 * the ledger stores, and how fast and in how much memory, without any cluster (growth.ts); `npm run bench -- access [ARGS]` the questions
 * about RBAC (access.ts); `npm run bench -- paths [ARGS]` the escalation paths (paths.ts).
 */
if (process.argv[2] === 'growth') {
  process.argv.splice(2, 1);
  await import('./growth.ts');
} else if (process.argv[2] === 'access') {
  process.argv.splice(2, 1);
  await import('./access.ts');
} else if (process.argv[2] === 'paths') {
  process.argv.splice(2, 1);
  await import('./paths.ts');
} else await import('./collection.ts');
