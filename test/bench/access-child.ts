/** Measures the access index in a process of its own, so that the peak of its memory is its own. Prints one line of JSON. */
import { createAccessIndex } from '../../src/access/index.ts';
import { rbacSnapshot } from '../access/snapshot.ts';
import { createAccessWorld } from './access-world.ts';

const [subjects = 5000, bindings = 10_000, roles = 2000, checks = 100_000] = process.argv.slice(2).map(Number);
const world = createAccessWorld({ subjects, bindings, roles });
const reader = rbacSnapshot(world.objects);
const requests = world.requests(checks);
/** Milliseconds of this thread's CPU: what one core needs, whatever else the machine does. */
const now = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

const started = now();
const index = createAccessIndex(reader);
const indexMs = now() - started;

let allowed = 0;
const checking = now();
for (const request of requests) if (index.can(request).allowed) allowed += 1;
const perSecond = (checks / (now() - checking)) * 1000;

const rights = requests
  .slice(0, 60)
  .map(({ resourceAttributes }) => Object.assign({ verb: '' }, resourceAttributes, { namespace: '*', anyName: true }));
const times = rights
  .map((right) => {
    const begun = now();
    index.whoCan(right);
    return now() - begun;
  })
  .sort((a, b) => a - b);
process.stdout.write(
  `${JSON.stringify({
    indexMs,
    perSecond,
    share: allowed / checks,
    whoCanMs: times[Math.floor(times.length / 2)],
    whoCanWorstMs: times.at(-1),
    subjects: index.subjects.length,
    bindings: index.bindings.length,
  })}\n`,
);
