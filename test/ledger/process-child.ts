/** One of several processes at one ledger: `process-child.ts TASK PATH [MS]`. It says what it does, each on a line of JSON. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ledger, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { exitCodeOf } from '../../src/model/index.ts';
import { clockFrom, collect, create, pod, pods, signerOf } from './given.ts';

const [task = '', path = '', ms = '0'] = process.argv.slice(2);
const say = (what: object) => console.log(JSON.stringify(what));
const open = (): Ledger => openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });

const tasks: Readonly<Record<string, () => void | Promise<void>>> = {
  /** Collects one run, or says why not. */
  collect() {
    try {
      const ledger = open();
      const { number } = collect(
        ledger,
        Array.from({ length: 200 }, (_, index) => pod({ name: `p-${index}` })),
      );
      ledger.close();
      say({ exit: 0, number });
    } catch (error) {
      say({ exit: exitCodeOf(error), message: (error as Error).message });
    }
  },
  /** Holds the ledger for so many milliseconds. */
  async hold() {
    const ledger = open();
    say({ holds: true });
    await sleep(Number(ms));
    ledger.close();
  },
  /** Reads all there is, again and again, until its input ends. */
  async watch() {
    let ends = false;
    process.stdin.on('end', () => (ends = true)).resume();
    const reader = openLedger({ path, mode: 'read', clock: clockFrom() });
    const first = reader.snapshot('prod', 1).objects(pods)[Symbol.iterator]();
    first.next();
    for (let looks = 1; ; looks++) {
      const runs = reader.runs('prod').filter(({ status }) => status === 'succeeded');
      const sizes = new Set(runs.map(({ number }) => [...reader.snapshot('prod', number).objects(pods)].length));
      say({ looks, runs: runs.length, sizes: [...sizes], problems: verifyLedger(path).problems });
      if (ends) break;
      await sleep(1);
    }
    // What was being read when it began is still there to be read.
    let rest = 0;
    while (first.next().done !== true) rest++;
    say({ rest });
  },
};

await tasks[task]?.();
