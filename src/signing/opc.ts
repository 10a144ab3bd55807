/**
 * What an office package (ECMA-376 part 2) says about its parts: content types and relationships. Both are flat lists in XML, and only
 * that is read: a root element, empty elements with plain attributes, nothing else. A comment, a document type, an unknown entity, a
 * prefix or an unknown attribute is an error, so no other reader can see another list. Errors are plain Errors.
 */
import { visible } from '../model/index.ts';

export interface Relationship {
  readonly id: string;
  readonly type: string;
  readonly target: string;
  readonly mode: 'Internal' | 'External';
}

export interface ContentTypes {
  /** By extension, in lower case. */
  readonly defaults: ReadonlyMap<string, string>;
  /** By part name with its leading slash, as written. */
  readonly overrides: ReadonlyMap<string, string>;
}

export const relationshipsNamespace = 'http://schemas.openxmlformats.org/package/2006/relationships';
export const contentTypesNamespace = 'http://schemas.openxmlformats.org/package/2006/content-types';
export const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';

const largestList = 16 * 1024 * 1024;
const declaration = /^\uFEFF?(?:<\?xml version="1\.0"(?: encoding="(?:UTF|utf)-8")?(?: standalone="(?:yes|no)")?\s*\?>)?\s*/;
const attributePattern = /\s+(\w+)\s*=\s*(?:"([^"<\t\n\r]*)"|'([^'<\t\n\r]*)')/gy;
const mimeType = /^[A-Za-z0-9][A-Za-z0-9!#$^_.+-]*\/[A-Za-z0-9][A-Za-z0-9!#$^_.+-]*$/;

export function readRelationships(xml: Uint8Array): Relationship[] {
  const relationships = readList(xml, 'Relationships', relationshipsNamespace).map(([name, attributes]): Relationship => {
    const { Id: id, Type: type, Target: target, TargetMode: mode = 'Internal', ...others } = attributes;
    if (name !== 'Relationship' || id === undefined || type === undefined || target === undefined || Object.keys(others).length > 0) {
      throw new Error('a relationship is malformed');
    }
    if (mode !== 'Internal' && mode !== 'External') throw new Error(`a relationship has the mode ${visible(mode)}`);
    return { id, type, target, mode };
  });
  if (new Set(relationships.map(({ id }) => id)).size !== relationships.length) throw new Error('two relationships have one id');
  return relationships;
}

export function writeRelationships(relationships: readonly Relationship[]): string {
  const items = relationships.map(({ id, type, target, mode }) => {
    const external = mode === 'External' ? ' TargetMode="External"' : '';
    return `<Relationship Id="${escapeAttribute(id)}" Type="${escapeAttribute(type)}" Target="${escapeAttribute(target)}"${external}/>`;
  });
  return `${xmlDeclaration}<Relationships xmlns="${relationshipsNamespace}">${items.join('')}</Relationships>`;
}

export function readContentTypes(xml: Uint8Array): ContentTypes {
  const defaults = new Map<string, string>();
  const overrides = new Map<string, string>();
  const seen = new Set<string>();
  for (const [name, attributes] of readList(xml, 'Types', contentTypesNamespace)) {
    const { ContentType: type, Extension: extension, PartName: part, ...others } = attributes;
    const key = name === 'Default' && part === undefined ? extension : name === 'Override' && extension === undefined ? part : undefined;
    if (key === undefined || type === undefined || Object.keys(others).length > 0) throw new Error('a content type is malformed');
    if (!mimeType.test(type)) throw new Error(`the content type ${visible(type)} is not allowed`);
    const unique = `${name} ${key.toLowerCase()}`;
    if (seen.has(unique)) throw new Error(`two content types are given for ${visible(key)}`);
    seen.add(unique);
    if (name === 'Default') defaults.set(key.toLowerCase(), type);
    else overrides.set(key, type);
  }
  return { defaults, overrides };
}

export function writeContentTypes({ defaults, overrides }: ContentTypes): string {
  const items = [
    ...[...defaults].map(([extension, type]) => `<Default Extension="${escapeAttribute(extension)}" ContentType="${type}"/>`),
    ...[...overrides].map(([part, type]) => `<Override PartName="${escapeAttribute(part)}" ContentType="${type}"/>`),
  ];
  return `${xmlDeclaration}<Types xmlns="${contentTypesNamespace}">${items.join('')}</Types>`;
}

/** ECMA-376 part 2, section 7.2.3.4 (part names compare without case): the override, else the extension's default. */
export function contentTypeOf({ defaults, overrides }: ContentTypes, part: string): string {
  const wanted = `/${part}`.toLowerCase();
  for (const [name, type] of overrides) if (name.toLowerCase() === wanted) return type;
  const type = defaults.get(part.slice(part.lastIndexOf('.') + 1).toLowerCase());
  if (type === undefined) throw new Error(`${part} has no content type`);
  return type;
}

/** Canonical XML 1.0 section 2.3, attribute values. */
export function escapeAttribute(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\t', '&#x9;')
    .replaceAll('\n', '&#xA;')
    .replaceAll('\r', '&#xD;');
}

/** Canonical XML 1.0 section 2.3, text. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#xD;');
}

/** The five entities of XML and numeric references to characters that XML 1.0 allows. */
export function unescapeXml(text: string): string {
  return text.replace(/&([^;&]{0,10});?/g, (reference, name: string) => {
    const known = entities.get(name);
    if (known !== undefined && reference.endsWith(';')) return known;
    const number = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name);
    const code = number === null ? -1 : Number.parseInt(number[1] ?? number[2] ?? '', number[1] === undefined ? 10 : 16);
    if (!reference.endsWith(';') || !isXmlCharacter(code)) throw new Error(`the reference ${visible(reference)} is not allowed`);
    return String.fromCodePoint(code);
  });
}

const entities = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** XML 1.0 section 2.2. */
function isXmlCharacter(code: number): boolean {
  return (
    code === 0x9 ||
    code === 0xa ||
    code === 0xd ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff)
  );
}

/** The empty elements of a flat list: name and attributes, in document order. */
function readList(bytes: Uint8Array, root: string, namespace: string): [string, Record<string, string | undefined>][] {
  if (bytes.length > largestList) throw new Error(`a list has ${bytes.length} bytes, more than ${largestList}`);
  const xml = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const list: [string, Record<string, string | undefined>][] = [];
  let at = declaration.exec(xml)?.[0].length ?? 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(xml);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  const attributes = (): Record<string, string | undefined> => {
    const found: Record<string, string> = Object.create(null);
    for (let match = take(attributePattern); match !== null; match = take(attributePattern)) {
      const [, name = '', double, single] = match;
      if (name in found) throw new Error(`the attribute ${name} is given twice`);
      found[name] = unescapeXml(double ?? single ?? '');
    }
    return found;
  };
  const open = take(/<(\w+)/y)?.[1];
  const { xmlns, ...others } = attributes();
  if (open !== root || xmlns !== namespace || Object.keys(others).length > 0)
    throw new Error(`a list of ${root} does not start as it must`);
  if (take(/\s*\/>\s*$/y) !== null) return list;
  if (take(/\s*>\s*/y) === null) throw new Error(`a list of ${root} does not start as it must`);
  for (let name = take(/<(\w+)/y)?.[1]; name !== undefined; name = take(/<(\w+)/y)?.[1]) {
    list.push([name, attributes()]);
    if (take(/\s*\/>\s*/y) === null && take(new RegExp(`\\s*></${name}>\\s*`, 'y')) === null)
      throw new Error(`an element ${name} is malformed`);
  }
  if (take(new RegExp(`</${root}>\\s*$`, 'y')) === null) throw new Error(`a list of ${root} holds something else`);
  return list;
}
