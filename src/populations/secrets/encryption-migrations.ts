/**
 * StorageVersionMigrations of Secrets (storagemigration.k8s.io): each Secret was read and written again. One that began after every API
 * server had its present configuration, and succeeded, left nothing that an earlier configuration wrote. Which provider wrote, it does not say.
 */
import type { ListingKind, PopulationInput, StoredObject } from '../../model/index.ts';
import { listAt, textAt } from '../../model/index.ts';
import type { Holder } from './encryption-holders.ts';
import { tookEffect } from './encryption-metrics.ts';

export const migrationsKind: ListingKind = 'k8s.storagemigrations/storageversionmigrations';

/** The first that rewrote all Secrets under the present configuration of all servers; undefined where one of them is not seen. */
export function rewrittenBy(input: PopulationInput, holders: readonly Holder[]): StoredObject | undefined {
  const effects = holders.filter(({ isServer }) => isServer).map(({ metrics }) => (metrics === undefined ? null : tookEffect(metrics)));
  const latest = effects.reduce((last, effect) => Math.max(last, effect === null ? Infinity : Date.parse(effect.at)), -Infinity);
  return migrationAfter(input, 'secrets', latest);
}

/** The first that rewrote all objects of a resource and began after a moment, in milliseconds since 1970. */
export function migrationAfter(input: PopulationInput, resource: string, moment: number): StoredObject | undefined {
  for (const object of input.each(migrationsKind)) {
    const begun = Date.parse(textAt(object.body, 'metadata', 'creationTimestamp') ?? '');
    const succeeded = listAt(object.body, 'status', 'conditions').some(
      (condition) => textAt(condition, 'type') === 'Succeeded' && textAt(condition, 'status') === 'True',
    );
    // A creation time has whole seconds: one in the same second may have been before.
    if (resourceOfMigration(object) === resource && succeeded && begun > moment) return object;
  }
  return undefined;
}

/** v1beta1: spec.resource is a group and a resource. v1alpha1: with a version. */
function resourceOfMigration(object: StoredObject): string {
  const of = (field: string) => textAt(object.body, 'spec', 'resource', field) ?? '';
  return of('group') === '' ? of('resource') : `${of('resource')}.${of('group')}`;
}
