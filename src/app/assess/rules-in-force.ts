/**
 * What judged at a size of the log: the catalog and the parameters that were recorded as definitions by then, or the first
 * that were recorded after; where none ever were, what is in force now. Each catalog is compiled once.
 */
import { hash } from 'node:crypto';
import { effectiveParams, parseCatalog, readPrepared } from '../../catalog/index.ts';
import type { Definition, Ledger } from '../../ledger/index.ts';
import type { Catalog } from '../../model/index.ts';
import { canonicalBytes, isObject } from '../../model/index.ts';
import { populations } from '../../populations/index.ts';
import type { CatalogInForce, Params } from '../catalog.ts';
import { shipped } from '../context.ts';

/** A catalog and the parameters that are configured for its controls. */
export interface Rules {
  readonly catalog: Catalog;
  readonly configured: Params;
  /** SHA-256 over the effective parameters of all controls, as the ledger records it. */
  readonly paramsDigest: string;
  /** Equal for rules that judge alike. */
  readonly key: string;
}

export interface RulesOptions {
  readonly ledger: Pick<Ledger, 'definitionChanges' | 'definitionState' | 'definitionText'>;
  readonly inForce: CatalogInForce;
}

export function rulesReader({ ledger, inForce }: RulesOptions): (size: number) => Rules {
  const known = new Map<string, Rules>();
  const catalogs = new Map<string, Catalog>();
  const byChange = new Map<number, Rules>();
  const leaves = ledger.definitionChanges().map(({ leaf }) => leaf);
  const now: Rules = { ...inForce, key: '' };
  const read = (change: number): Rules => {
    const list = ledger.definitionState(change + 1)?.list;
    if (list === undefined) return now;
    const deciding = list.filter(({ what }) => /^(?:control|mapping|technique|params) /.test(what));
    const key = digestOf(deciding);
    let rules = known.get(key);
    if (rules === undefined) {
      const files = deciding.filter(({ what }) => !what.startsWith('params '));
      const filesKey = digestOf(files);
      let catalog = catalogs.get(filesKey);
      if (catalog === undefined) catalogs.set(filesKey, (catalog = catalogOf(files, ledger, inForce.catalog)));
      const configured = Object.fromEntries(
        deciding.flatMap(({ what, value }) =>
          what.startsWith('params ') && isObject(value) ? [[what.slice('params '.length), value]] : [],
        ),
      ) as Params;
      const effective = Object.fromEntries(
        catalog.controls.map((control) => [control.id, effectiveParams(control, configured[control.id])]),
      );
      known.set(key, (rules = { catalog, configured, paramsDigest: hash('sha256', canonicalBytes(effective)), key }));
    }
    return rules;
  };
  return (size) => {
    const change = leaves.findLast((leaf) => leaf < size) ?? leaves[0];
    if (change === undefined) return now;
    let rules = byChange.get(change);
    if (rules === undefined) byChange.set(change, (rules = read(change)));
    return rules;
  };
}

function digestOf(list: readonly Definition[]): string {
  return hash('sha256', canonicalBytes(list.map(({ what, digest }) => [what, digest])));
}

/** The texts of old controls, mappings and techniques are in the ledger. The catalog in force is taken where it is the same. */
function catalogOf(files: readonly Definition[], ledger: RulesOptions['ledger'], inForce: Catalog): Catalog {
  const texts = (kind: string) =>
    files
      .filter(({ what }) => what.startsWith(`${kind} `))
      .map(({ what, digest }) => ({ file: `${what.slice(kind.length + 1)}.yaml`, text: ledger.definitionText(digest) }));
  const catalog = parseCatalog({
    controls: texts('control'),
    mappings: texts('mapping'),
    techniques: texts('technique'),
    populations: populations.map(({ name }) => name),
    prepared: readPrepared(shipped.prepared),
  });
  return catalog.digest === inForce.digest ? inForce : catalog;
}
