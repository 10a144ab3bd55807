/** Judges the one run of a ledger in a process of its own, for the peak of its memory. Prints one line of JSON. */
import { join } from 'node:path';
import { rememberObjects } from '../../src/app/assess/remembering-reader.ts';
import { assess } from '../../src/assess.ts';
import { loadCatalog } from '../../src/catalog/index.ts';
import { openLedger } from '../../src/ledger/index.ts';
import type { Control } from '../../src/model/index.ts';
import { populations } from '../../src/populations/index.ts';
import { identity } from './fill.ts';

const [path = '', wanted = '0'] = process.argv.slice(2);
const root = join(import.meta.dirname, '..', '..');
const catalog = loadCatalog({
  controlDirs: [join(root, 'controls')],
  mappingDirs: [join(root, 'mappings')],
  techniqueDirs: [join(root, 'techniques')],
  populations: populations.map(({ name }) => name),
});
const ledger = openLedger({ path, mode: 'read', clock: () => new Date() });
const [before, used] = [performance.now(), process.cpuUsage()];
const reader = rememberObjects(ledger.snapshot(identity.name, 1));
const { controls } = assess({ reader, catalog: { ...catalog, controls: controlsFor(Number(wanted)) }, populations, managed: null });
const { user, system } = process.cpuUsage(used);
const findings = controls.reduce((sum, control) => sum + control.findings.length, 0);
process.stdout.write(
  `${JSON.stringify({ ms: performance.now() - before, cpuMs: (user + system) / 1000, controls: controls.length, findings })}\n`,
);
ledger.close();

/** 0: those of the catalog. Else so many over pods, containers and the like; no two have the same expression, and the copies pass. */
function controlsFor(count: number): readonly Control[] {
  if (count === 0) return catalog.controls;
  const running = new Set(populations.filter(({ byNamespace }) => byNamespace === true).map(({ name }) => name));
  const shipped = catalog.controls.filter(({ population }) => running.has(population));
  return Array.from({ length: count }, (_, index): Control => {
    const control = shipped[index % shipped.length] as Control;
    const copy = Math.floor(index / shipped.length);
    return copy === 0 ? control : { ...control, id: `${control.id}-${copy}`, expect: `(${control.expect}) || "${copy}" != ""` };
  });
}
