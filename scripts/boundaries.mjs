/**
 * Runs dependency-cruiser over src and asserts that it read as many modules as there are files: zero modules with no violations would be
 * a broken check, not a clean house.
 */
import { globSync } from 'node:fs';
import { cruise } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import config from '../.dependency-cruiser.mjs';

const { forbidden, options } = config;
const result = await cruise(['src'], { ...options, ruleSet: { forbidden }, validate: true }, options.enhancedResolveOptions, {
  tsConfig: extractTSConfig('tsconfig.json'),
});
const { modules, summary } = result.output;
const files = globSync('src/**/*.ts');
const read = new Set(modules.map((module) => module.source));
const unread = files.filter((file) => !read.has(file));
const edges = modules.reduce((count, module) => count + module.dependencies.length, 0);
for (const { from, to, rule } of summary.violations) {
  const why = forbidden.find(({ name }) => name === rule.name)?.comment ?? '';
  process.stdout.write(`${rule.name}: ${from} → ${to}\n  ${why}\n`);
}
for (const file of unread) process.stdout.write(`not read: ${file}\n`);
process.stdout.write(
  `${files.length - unread.length} of ${files.length} modules read, ${edges} imports, ${summary.violations.length} violations\n`,
);
process.exit(unread.length > 0 || files.length === 0 || edges < files.length || summary.violations.length > 0 ? 1 : 0);
