#!/usr/bin/env node
// Plain built-ins and old syntax on purpose: an older Node must get as far as the sentence below.
import process from 'node:process';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`kubevidence needs Node 22.19 or newer; this is Node ${process.versions.node}. Install a newer Node and run the same command again.\n`);
  process.exit(2);
}
const { main } = await import('../dist/cli/main.js');
process.exitCode = await main(process.argv.slice(2));
