/**
 * Does one task over and over until it is killed: `crash-child.ts TASK PATH…`. It says `ready` before it touches the ledger, and then what
 * it has finished, each on a line, unbuffered: what was said before the kill has arrived.
 */
import { writeSync } from 'node:fs';
import { defaultRetention, type Ledger, openLedger } from '../../src/ledger/index.ts';
import { clockFrom, collect, create, pod, pods, signerOf } from './given.ts';

const [task = '', ...paths] = process.argv.slice(2);
const [path = ''] = paths;
const say = (what: string | number) => writeSync(1, `${what}\n`);
const open = (at: string): Ledger => openLedger({ path: at, mode: 'write', clock: clockFrom(), signer: signerOf(), create });

const tasks: Readonly<Record<string, () => void>> = {
  /** 600 pods a run, a tenth of them changed. Says the numbers of the runs that ended. */
  collect() {
    const ledger = open(path);
    for (let version = ledger.runs().length; ; version++) {
      const items = Array.from({ length: 600 }, (_, index) =>
        pod({
          namespace: `ns-${index % 5}`,
          name: `p-${index}`,
          uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
          resourceVersion: String(index % 10 === 0 ? version : 0),
          image: `registry.example/app:${index % 10 === 0 ? version : 0}`,
        }),
      );
      say(collect(ledger, items, { resourceVersion: String(100 + version), page: 150 }).number);
    }
  },
  /** Many small commits, each signed, and the write-ahead log brought into the file at every close. Says the sizes that were signed. */
  checkpoint() {
    for (;;) {
      const ledger = open(path);
      for (let slot = 0; slot < 8; slot++) {
        ledger.recordMissed({ cluster: 'prod', slot: '2026-08-14T11:00:00.000Z' });
        say(ledger.checkpoint().size);
      }
      ledger.close();
    }
  },
  /** Run after run, with a key that takes its time, as one behind a command does. Says when it is asked to sign the end of a run. */
  sign() {
    const signer = signerOf();
    const clock = clockFrom();
    let ending = false;
    const slow = (data: Uint8Array) => {
      if (ending) {
        say('signing');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      }
      return signer.sign(data);
    };
    const ledger = openLedger({ path, mode: 'write', clock, signer: { ...signer, sign: slow }, create });
    ending = true;
    for (;;) collect(ledger, [pod({ name: `p-${ledger.runs().length}` })], { resourceVersion: String(200 + ledger.runs().length) });
  },
  /** Erases one pod after the other, as they are stored. Says how many are gone. */
  erase() {
    const ledger = open(path);
    const order = { legalBasis: 'ticket', requester: 'office', approver: 'officer', overrideRetention: true };
    const nothing = { cluster: 'prod', objects: [], payloads: [], persons: [], expired: false, before: null, assessments: false };
    const ids = [...ledger.snapshot('prod', 1).objects(pods)].map(({ id }) => id);
    for (const [index, id] of ids.entries()) {
      ledger.erase({ ...nothing, ids: [id] }, defaultRetention, order);
      say(index + 1);
    }
  },
  /** Opens older ledgers one after the other. Says which are migrated and closed. */
  migrate() {
    for (const [index, older] of paths.entries()) {
      open(older).close();
      say(index);
    }
  },
};

say('ready');
tasks[task]?.();
