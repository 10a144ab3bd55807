/** What names the owner of a namespace: what the control that demands owners asks for. */
import { effectiveParams } from '../../catalog/index.ts';
import type { CatalogInForce } from '../catalog.ts';

const ownerControl = 'NS-001';

/** None where there is no such control. */
export function ownerKeysOf({ catalog, configured }: Pick<CatalogInForce, 'catalog' | 'configured'>): readonly string[] {
  const control = catalog.controls.find(({ id }) => id === ownerControl);
  const keys = control === undefined ? undefined : effectiveParams(control, configured[ownerControl])['keys'];
  return Array.isArray(keys) ? keys.filter((key): key is string => typeof key === 'string') : [];
}
