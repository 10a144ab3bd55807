#!/usr/bin/env node
// Plain built-ins and old syntax on purpose: an older Node must get as far as the sentence below.
import { lstatSync, mkdirSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import process from 'node:process';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`kubevidence needs Node 22.19 or newer; this is Node ${process.versions.node}. Install a newer Node and run the same command again.\n`);
  process.exit(2);
}
keepCompiledCode();
const { main } = await import('../dist/cli/main.js');
process.exitCode = await main(process.argv.slice(2));

/**
 * Compiling is a third of a command's start, and always the same: Node keeps the result in the user's cache directory (XDG Base Directory),
 * and believes it only for the very same source. In a place that somebody else may write to it would be somebody else's code: then, as
 * where nothing can be written, there is none. NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE have their usual say.
 */
function keepCompiledCode() {
  if (process.env.NODE_COMPILE_CACHE || process.platform === 'win32') return;
  try {
    const given = process.env.XDG_CACHE_HOME;
    const directory = join(given && isAbsolute(given) ? given : join(homedir(), '.cache'), 'kubevidence', 'compiled');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const found = lstatSync(directory);
    const isOurs = found.isDirectory() && found.uid === process.getuid() && (found.mode & 0o022) === 0;
    if (isOurs) module.enableCompileCache(directory);
  } catch {
    // A command runs without it, only slower.
  }
}
