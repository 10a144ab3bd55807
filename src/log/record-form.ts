/**
 * The texts of records of one type as a regular expression, made from their schema. What it matches is canonical JSON (RFC 8785) and valid,
 * because keys stand in their order, and texts and numbers in the one form they have; so it need not be written and judged anew, which
 * takes most of the time of reading a record. What it does not match may be valid all the same, and is read the long way.
 */
import { z } from 'zod';

/** For schemas that consist of nothing else, JSON texts (a part of) that they accept. A character of a text stands for itself. */
export type LeafForms = ReadonlyMap<z.ZodType, string>;

/** Undefined for a schema of which something is not understood. */
export function formOf(schema: z.ZodType, leaves: LeafForms): RegExp | undefined {
  const source = sourceOf(schema, leaves);
  return source === undefined ? undefined : new RegExp(`^${source}$`);
}

function sourceOf(schema: z.ZodType, leaves: LeafForms): string | undefined {
  const leaf = leaves.get(schema);
  if (leaf !== undefined) return leaf;
  // Whatever else a schema demands, this could not say.
  if ((schema.def as { readonly checks?: readonly unknown[] }).checks?.length) return undefined;
  if (schema instanceof z.ZodLiteral) return oneOf([...schema.values]);
  if (schema instanceof z.ZodEnum) return oneOf(schema.options);
  if (schema instanceof z.ZodNullable) {
    const inner = sourceOf(schema.def.innerType as z.ZodType, leaves);
    return inner === undefined ? undefined : `(?:null|${inner})`;
  }
  return schema instanceof z.ZodObject && schema.def.catchall instanceof z.ZodNever ? sourceOfMembers(schema.shape, leaves) : undefined;
}

/** The first one has no comma before it, so it must be there. */
function sourceOfMembers(shape: Readonly<Record<string, z.ZodType>>, leaves: LeafForms): string | undefined {
  const parts: string[] = [];
  for (const key of Object.keys(shape).sort()) {
    const schema = shape[key] as z.ZodType;
    const optional = schema instanceof z.ZodOptional;
    const value = sourceOf(optional ? (schema.def.innerType as z.ZodType) : schema, leaves);
    if (value === undefined || !/^\w+$/.test(key) || (optional && parts.length === 0)) return undefined;
    const member = `${parts.length === 0 ? '' : ','}"${key}":${value}`;
    parts.push(optional ? `(?:${member})?` : member);
  }
  return `\\{${parts.join('')}\\}`;
}

function oneOf(values: readonly unknown[]): string | undefined {
  const texts = values.map((value) => JSON.stringify(value));
  return texts.every((text) => /^(?:"[\w-]*"|[1-9]\d{0,14})$/.test(text)) ? `(?:${texts.join('|')})` : undefined;
}
