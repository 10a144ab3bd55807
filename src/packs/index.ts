export { createPack, type PackInputs } from './create-pack.ts';
export { writeZip } from './zip.ts';
export interface PackVerification { ok: boolean; headline: string; problems: string[]; proved: string[]; notProved: string[] }
export const verifyPack = (_path: string, _options: object): Promise<PackVerification> => Promise.resolve({ ok: true, headline: 'stub', problems: [], proved: [], notProved: [] });
