/** Parameters of controls: what the configuration sets is checked against what the control declares, and the rest are its defaults. */
import { type Control, type ControlParameter, type Json, KubevidenceError, clip, findNearest } from '../model/index.ts';

/** Control id → parameter → value, as in kubevidence.yaml. */
export type ConfiguredParams = Readonly<Record<string, Readonly<Record<string, Json>>>>;

/** The parameters that a control is evaluated with. Errors: `configuration`, for an unknown parameter or a value of another type. */
export function effectiveParams(control: Control, configured: ConfiguredParams[string] = {}): Readonly<Record<string, Json>> {
  const values: Record<string, Json> = Object.fromEntries(
    Object.entries(control.params).map(([name, parameter]) => [name, parameter.default]),
  );
  for (const [name, value] of Object.entries(configured)) {
    const parameter = Object.hasOwn(control.params, name) ? control.params[name] : undefined;
    const place = { key: `params.${control.id}.${clip(name, 80)}` };
    if (parameter === undefined) {
      const near = findNearest(name, Object.keys(control.params));
      throw new KubevidenceError('configuration', `${control.id} has no parameter "${clip(name, 80)}"`, {
        place,
        next: near === undefined ? `Show it: kubevidence controls show ${control.id}` : `Did you mean "${near}"?`,
      });
    }
    if (!isOfType(value, parameter.type))
      throw new KubevidenceError('configuration', `${name} of ${control.id} must be a ${parameter.type}`, { place, next: parameter.doc });
    values[name] = value;
  }
  return values;
}

/** Errors: `configuration`, for parameters of controls that do not exist. */
export function checkConfiguredParams(controls: readonly Control[], configured: ConfiguredParams): void {
  const ids = new Set(controls.map((control) => control.id));
  for (const id of Object.keys(configured)) {
    if (ids.has(id)) continue;
    const near = findNearest(id, ids);
    throw new KubevidenceError('configuration', `params are set for ${clip(id, 80)}, but there is no such control`, {
      place: { key: `params.${clip(id, 80)}` },
      next: near === undefined ? 'List them: kubevidence controls list' : `Did you mean "${near}"?`,
    });
  }
}

export function isOfType(value: Json, type: ControlParameter['type']): boolean {
  if (type === 'list') return Array.isArray(value) && value.every((each) => ['string', 'number', 'boolean'].includes(typeof each));
  return typeof value === type;
}
