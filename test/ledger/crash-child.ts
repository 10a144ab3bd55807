/** Collects run after run into the ledger named by the first argument, saying which have ended, until it is killed. */
import { writeSync } from 'node:fs';
import { openLedger } from '../../src/ledger/index.ts';
import { clockFrom, create, identity, listing, pod, pods, signerOf, start } from './given.ts';

const ledger = openLedger({ path: process.argv[2] ?? '', mode: 'write', clock: clockFrom(), signer: signerOf(), create });
for (;;) {
  const run = start(ledger);
  for (let page = 0; page < 4; page++)
    run.put(
      pods,
      Array.from({ length: 150 }, (_, index) => pod({ namespace: `ns-${index % 5}`, name: `p-${page}-${index}` })),
    );
  run.close(listing(pods, 600));
  const { number } = run.end({ status: 'succeeded', error: null, identity, serverClockSkewMs: 0 });
  // Unbuffered: what was said before the kill has arrived.
  writeSync(1, `${number}\n`);
}
