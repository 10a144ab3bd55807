/** Ends the cluster in the given directory; run by the reaper of processes.ts once the process that started the cluster is gone. */
import { endAll } from './processes.ts';

const [dir] = process.argv.slice(2);
if (dir) await endAll(dir);
