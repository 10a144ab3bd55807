/**
 * `npm run bench [-- ARGS]` measures collections and assessments of a real API server (collection.ts); `npm run bench -- growth [ARGS]` what
 * the ledger stores, and how fast and in how much memory, without any cluster (growth.ts); `npm run bench -- access [ARGS]` the questions
 * about RBAC (access.ts); `npm run bench -- paths [ARGS]` the escalation paths (paths.ts), with `--anchor` over a real API server (anchor.ts);
 * `npm run bench -- period [ARGS]` a pack over a quarter of hourly runs (period.ts); `npm run bench -- assess [ARGS]` judging a very large
 * snapshot (assess.ts).
 */
if (process.argv[2] === 'growth') {
  process.argv.splice(2, 1);
  await import('./growth.ts');
} else if (process.argv[2] === 'access') {
  process.argv.splice(2, 1);
  await import('./access.ts');
} else if (process.argv[2] === 'paths') {
  process.argv.splice(2, 1);
  if (process.argv.includes('--anchor')) await import('./anchor.ts');
  else await import('./paths.ts');
} else if (process.argv[2] === 'period') {
  process.argv.splice(2, 1);
  await import('./period.ts');
} else if (process.argv[2] === 'assess') {
  process.argv.splice(2, 1);
  await import('./assess.ts');
} else await import('./collection.ts');
