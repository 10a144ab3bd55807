/**
 * Pseudonyms for names: HMAC-SHA-256 under a key of the organization, over the cluster and the name, shortened. The same name has the same
 * pseudonym in every pack of the key and the cluster, and no two names of a pack share one. A known name is replaced wherever it stands
 * for itself, in any case, encoded as item keys have it, and where it was cut off; a name that is also a word of the shipped texts
 * (`admin`) only where something says that it is a name. docs/decisions/0010.
 */
import { createHmac } from 'node:crypto';
import { type Json, visible } from '../../model/index.ts';
import { keyIdOf, pseudonymDomain } from '../keys/pseudonym-key.ts';
import { createNameMatcher } from './name-matcher.ts';
import { isDistinct, type NameClass, type Names, type NameScope, visitNames } from './personal-names.ts';

export interface PseudonymOptions {
  /** 32 bytes or more. */
  readonly key: Uint8Array;
  readonly cluster: string;
  readonly scope: NameScope;
  /** Texts that no name may change: what stands in them is a word as well. */
  readonly words: string;
  /** Characters after `person-`, where no other pseudonym begins alike: 10 are 50 bits. */
  readonly shortest?: number;
}

export interface Pseudonyms {
  /** See {@link keyIdOf}. */
  readonly key: string;
  /** By name. */
  readonly all: ReadonlyMap<string, string>;
  /** `skip`: keys whose values stay as they are. */
  readonly replace: (value: Json, skip?: ReadonlySet<string>) => { readonly value: Json; readonly replaced: number };
}

const prefixes: Readonly<Record<NameClass, string>> = { person: 'User/', group: 'Group/' };

export function createPseudonyms(names: Names, { key, cluster, scope, words, shortest = 10 }: PseudonymOptions): Pseudonyms {
  const all = assign(names, key, cluster, shortest);
  const matcher = createNameMatcher([...all.keys()].flatMap((name) => formsOf(name).map((form) => [form, name] as const)));
  const common = new Set([...all.keys()].filter((name) => !isDistinct(name)));
  matcher.substitute(words, (name) => {
    common.add(name);
    return null;
  });
  return {
    key: keyIdOf(key),
    all,
    replace(value, skip) {
      let replaced = 0;
      const put = (name: string) => {
        replaced += 1;
        return all.get(name) ?? null;
      };
      const text = (each: string) =>
        matcher.substitute(each, (name, start) => {
          const prefix = prefixes[names.get(name) ?? 'person'];
          const isNamed =
            start >= prefix.length && (each.startsWith(prefix, start - prefix.length) || /\buser "$/i.test(each.slice(0, start)));
          return isNamed || !common.has(name) ? put(name) : null;
        });
      const about = (each: string) => matcher.substitute(each, put);
      const whole = (each: string) => (all.has(each) ? (put(each) ?? each) : about(each));
      return { value: visitNames(value, scope, { name: whole, about, text }, skip), replaced };
    },
  };
}

/** Those that would begin alike are as long as it takes to tell them apart, whatever else is in the pack. */
function assign(names: Names, key: Uint8Array, cluster: string, shortest: number): Map<string, string> {
  const codes = new Map([...names.keys()].map((name) => [name, codeOf(key, cluster, name)]));
  const lengths = new Map<string, number>();
  for (const alike of Map.groupBy(new Set(codes.values()), (code) => code.slice(0, shortest)).values()) {
    let length = shortest;
    while (new Set(alike.map((code) => code.slice(0, length))).size < alike.length) length += 2;
    for (const code of alike) lengths.set(code, length);
  }
  return new Map(
    [...codes].map(([name, code]) => [name, `${names.get(name) ?? 'person'}-${code.slice(0, lengths.get(code) ?? shortest)}`]),
  );
}

/** Crockford's base 32, lower case: nothing in it is taken for something else when it is read aloud. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

function codeOf(key: Uint8Array, cluster: string, name: string): string {
  const bytes = createHmac('sha256', key)
    .update(JSON.stringify([pseudonymDomain, cluster, name.normalize('NFC')]))
    .digest();
  let bits = BigInt(`0x${bytes.toString('hex')}`);
  let code = '';
  for (let place = 0; place < 51; place += 1) {
    code = (alphabet[Number(bits & 31n)] ?? '') + code;
    bits >>= 5n;
  }
  return code;
}

/** As it is, in both forms of Unicode; as keys of items have it; and each of these as JSON, URLs and people see it. */
function formsOf(name: string): readonly string[] {
  const encoded = (of: RegExp) => name.replace(of, (character) => encodeURIComponent(character));
  const json = (text: string) => JSON.stringify(text).slice(1, -1);
  const written = new Set([name, name.normalize('NFC'), name.normalize('NFD'), encoded(/[%|]/g), encoded(/[%|/]/g)]);
  const shown = [...written].flatMap((each) => [each, visible(each), json(each), json(visible(each)), visible(json(each))]);
  return [...new Set([...shown, ...Array.from(written, (each) => encodeURIComponent(each.toWellFormed()))])];
}
