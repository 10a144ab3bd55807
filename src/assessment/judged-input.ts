/** What results follow from: one snapshot, and what it is judged by beside the controls. */
import type { ConfiguredParams } from '../catalog/index.ts';
import type { EvidenceReader, Population, Technique } from '../model/index.ts';
import type { ItemException } from './evaluate.ts';

export interface JudgedInput {
  readonly reader: EvidenceReader;
  readonly populations: readonly Population[];
  /** Those of the catalog. */
  readonly techniques?: readonly Technique[] | undefined;
  /** Control id → parameter → value, as configured. */
  readonly params?: ConfiguredParams | undefined;
  /** Only rows whose resource is in this namespace. */
  readonly namespace?: string | undefined;
  readonly exceptions?: readonly ItemException[] | undefined;
  /** Who runs the control plane: eks, gke, aks, …; null when the cluster's owner does. */
  readonly managed?: string | null | undefined;
}
