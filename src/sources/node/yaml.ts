/** Configuration as the node has it, YAML or JSON, in one bounded reader. Messages never quote the text, because it may be a key's. */
import type { JsonObject } from '../../model/index.ts';
import { textAt } from '../../model/index.ts';
import { parseFile } from '../files/files-parse.ts';
import type { Failure, Root } from './root.ts';
import { isFailure } from './root.ts';

/** Far more than any such file needs; YAML takes a quarter of a second for as much. */
const largest = 256 * 1024;

/** The one object of a file that is of this kind and group. */
export function readObject(root: Root, path: string, type: { readonly group: string; readonly kind: string }): JsonObject | Failure {
  const objects = readObjects(root, path);
  if (isFailure(objects)) return objects;
  const found = objects.find((object) => object['kind'] === type.kind && groupOf(object) === type.group);
  return found ?? { reason: 'error', detail: `it holds no ${type.kind}` };
}

export function readObjects(root: Root, path: string): readonly JsonObject[] | Failure {
  const bytes = root.read(path, largest);
  if (isFailure(bytes)) return bytes;
  const { objects, problems } = parseFile(bytes);
  const [problem] = problems;
  if (problem !== undefined)
    return { reason: 'error', detail: problem.line === undefined ? problem.message : `line ${problem.line}: ${problem.message}` };
  return objects.map(({ value }) => value);
}

function groupOf(object: JsonObject): string {
  const apiVersion = textAt(object, 'apiVersion') ?? '';
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}
