/**
 * XML as office programs write it, read with suspicion: one pass, no DOCTYPE and so no entities but the five of XML, names without their
 * prefix, bounded depth. What is no such XML throws a plain Error with a clause that fits after a colon.
 */

export interface XmlHandler {
  /** `name` and the attributes' names are without namespace prefix. */
  open(name: string, attributes: ReadonlyMap<string, string>): void;
  close(name: string): void;
  /** Between two tags; may come in pieces. */
  text(text: string): void;
}

const deepest = 64;
const mostAttributes = 200;
const nameForm = /[^\s/>=<"']+/y;
const attributeForm = /\s+([^\s/>=<"']+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const tagEnd = /\s*(\/?)>/y;

export function readXml(bytes: Uint8Array, handler: XmlHandler): void {
  const xml = decode(bytes);
  const open: string[] = [];
  let at = 0;
  let elements = 0;
  while (at < xml.length) {
    const tag = xml.indexOf('<', at);
    const text = xml.slice(at, tag === -1 ? undefined : tag);
    if (open.length > 0) {
      if (text !== '') handler.text(resolve(text));
    } else if (text.trim() !== '') throw new Error('there is text outside of its elements');
    if (tag === -1) break;
    if (xml.startsWith('<!--', tag)) at = after(xml, '-->', tag + 4);
    else if (xml.startsWith('<![CDATA[', tag)) {
      const end = after(xml, ']]>', tag + 9);
      if (open.length === 0) throw new Error('there is text outside of its elements');
      handler.text(xml.slice(tag + 9, end - 3));
      at = end;
    } else if (xml.startsWith('<?', tag)) at = after(xml, '?>', tag + 2);
    else if (xml.startsWith('<!', tag)) throw new Error('it has a DOCTYPE, which no office program writes');
    else if (xml.startsWith('</', tag)) {
      const end = after(xml, '>', tag);
      const name = local(xml.slice(tag + 2, end - 1).trimEnd());
      if (open.pop() !== name) throw new Error('an element ends that was not open');
      handler.close(name);
      at = end;
    } else {
      if (open.length === 0 && elements > 0) throw new Error('it has more than one root');
      const { name, attributes, isEmpty, end } = readTag(xml, tag);
      elements += 1;
      handler.open(name, attributes);
      if (isEmpty) handler.close(name);
      else open.push(name);
      if (open.length > deepest) throw new Error('its elements are nested too deeply');
      at = end;
    }
  }
  if (open.length > 0 || elements === 0) throw new Error('it ends early');
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('it is not UTF-8');
  }
}

function after(xml: string, what: string, from: number): number {
  const found = xml.indexOf(what, from);
  if (found === -1) throw new Error('it ends early');
  return found + what.length;
}

function local(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function readTag(xml: string, tag: number) {
  nameForm.lastIndex = tag + 1;
  const name = nameForm.exec(xml)?.[0];
  if (name === undefined) throw new Error('a tag has no name');
  const attributes = new Map<string, string>();
  let at = tag + 1 + name.length;
  for (;;) {
    attributeForm.lastIndex = at;
    const found = attributeForm.exec(xml);
    if (found === null) break;
    attributes.set(local(found[1] ?? ''), resolve(found[2] ?? found[3] ?? ''));
    if (attributes.size > mostAttributes) throw new Error('a tag has too many attributes');
    at = attributeForm.lastIndex;
  }
  tagEnd.lastIndex = at;
  const end = tagEnd.exec(xml);
  if (end === null) throw new Error(`the tag ${local(name).slice(0, 40)} is malformed`);
  return { name: local(name), attributes, isEmpty: end[1] === '/', end: tagEnd.lastIndex };
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function resolve(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&([^;&]{0,12});?/g, (whole, name: string) => {
    if (!whole.endsWith(';')) throw new Error('an ampersand stands alone');
    const known = Object.hasOwn(entities, name) ? entities[name] : undefined;
    if (known !== undefined) return known;
    const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(name) ?? [];
    const code = hex !== undefined ? Number.parseInt(hex, 16) : decimal !== undefined ? Number(decimal) : Number.NaN;
    if (!(code <= 0x10ffff)) throw new Error('it has an entity that XML does not know');
    return String.fromCodePoint(code);
  });
}
