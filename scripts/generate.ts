/**
 * Writes the files that follow from others: JSON Schemas from the zod schemas, the collectors' reference and the least ClusterRole from
 * their declarations, the coverage of the benchmark from the catalog. `--check` changes nothing and fails when one is stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { accessCanSchema, accessPathsSchema, accessWhoCanSchema } from '../src/access/index.ts';
import { auditMatrixSchema, auditSimulationSchema } from '../src/app/audit/documents.ts';
import { configSchema, rbacManifests } from '../src/app/index.ts';
import { driftSchema } from '../src/assessment/index.ts';
import { controlSchema, loadCatalog, mappingSchema, techniqueSchema } from '../src/catalog/index.ts';
import { collectors } from '../src/collectors/index.ts';
import { assessmentSchema, describeRule } from '../src/model/index.ts';
import { explanationSchema } from '../src/mapping/index.ts';
import { populations } from '../src/populations/index.ts';
import { coverageReference } from './coverage.ts';

const check = process.argv.includes('--check');

const schema = (type: z.ZodType, title: string, io: 'input' | 'output') =>
  `${JSON.stringify({ title, ...z.toJSONSchema(type, { target: 'draft-7', io, unrepresentable: 'any' }) }, null, 2)}\n`;

const cell = (text: string) => text.replaceAll('|', '\\|');

function collectorReference(): string {
  const rows = collectors.flatMap((collector) =>
    collector.listings.map((listing) => {
      const rights = listing.needs.map((rule) => `\`${describeRule(rule)}\``).join('<br>') || '–';
      return `| \`${listing.kind}\` | ${collector.optIn ? 'opt-in' : 'on'} | ${rights} | ${cell(listing.withoutIt)} |`;
    }),
  );
  return [
    '# What is collected, which right it needs, and what is lost without it',
    '',
    'Generated from the collectors by `npm run generate`. `kubevidence manifests rbac` prints the ClusterRole for what is enabled.',
    '',
    '| evidence | default | right | without it |',
    '|---|---|---|---|',
    ...rows,
    '',
    '## Populations that controls test',
    '',
    '| population | a row is |',
    '|---|---|',
    ...populations.map(({ name, doc }) => `| \`${name}\` | ${cell(doc)} |`),
    '',
  ].join('\n');
}

const catalog = loadCatalog({
  controlDirs: ['controls'],
  mappingDirs: ['mappings'],
  techniqueDirs: ['techniques'],
  populations: populations.map(({ name }) => name),
});

const files: Record<string, string> = {
  'schemas/assessment.schema.json': schema(assessmentSchema, 'kubevidence/assessment/v1', 'output'),
  'schemas/access-can.schema.json': schema(accessCanSchema, 'kubevidence/access-can/v1', 'output'),
  'schemas/access-who-can.schema.json': schema(accessWhoCanSchema, 'kubevidence/access-who-can/v1', 'output'),
  'schemas/access-paths.schema.json': schema(accessPathsSchema, 'kubevidence/access-paths/v1', 'output'),
  'schemas/audit-matrix.schema.json': schema(auditMatrixSchema, 'kubevidence/audit-matrix/v1', 'output'),
  'schemas/audit-simulation.schema.json': schema(auditSimulationSchema, 'kubevidence/audit-simulation/v1', 'output'),
  'schemas/technique.schema.json': schema(techniqueSchema, 'A technique of escalation', 'input'),
  'schemas/requirement.schema.json': schema(explanationSchema, 'kubevidence/requirement/v1', 'output'),
  'schemas/drift.schema.json': schema(driftSchema, 'kubevidence/drift/v1', 'output'),
  'schemas/config.schema.json': schema(configSchema, 'kubevidence.yaml', 'input'),
  'schemas/control.schema.json': schema(controlSchema, 'A control', 'input'),
  'schemas/framework.schema.json': schema(mappingSchema, 'A framework and its requirements, or a version of one', 'input'),
  'docs/collectors.md': collectorReference(),
  'docs/coverage.md': coverageReference({ catalog, populations, collectors }),
  'docs/clusterrole.yaml': rbacManifests({}, { namespace: 'kubevidence', serviceAccount: 'collector' }),
};

let stale = 0;
for (const [path, content] of Object.entries(files)) {
  let current = '';
  try {
    current = readFileSync(path, 'utf8');
  } catch {
    // Written below, or reported as stale.
  }
  if (current === content) continue;
  stale += 1;
  if (check) process.stdout.write(`stale: ${path} (npm run generate)\n`);
  else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    process.stdout.write(`wrote ${path}\n`);
  }
}
process.stdout.write(`${Object.keys(files).length} generated files, ${stale} ${check ? 'stale' : 'written'}\n`);
process.exitCode = check && stale > 0 ? 1 : 0;
