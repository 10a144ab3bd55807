export { writeZip } from './zip.ts';
export const createPack = (_inputs: object): Promise<Map<string, Uint8Array>> => Promise.reject(new Error('not yet'));
export interface PackVerification {
  ok: boolean;
  headline: string;
  problems: string[];
  proved: string[];
  notProved: string[];
}
export const verifyPack = (_path: string, _options: object): Promise<PackVerification> => Promise.reject(new Error('not yet'));
