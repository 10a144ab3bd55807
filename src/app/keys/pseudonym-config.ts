/** `redact.pseudonyms` of kubevidence.yaml: which names packs show as pseudonyms, and the key that makes them. */
import { z } from 'zod';
import { isDistinct } from '../pack/personal-names.ts';

const whose = ['users', 'groups', 'collector', 'people'] as const;
type Whose = (typeof whose)[number];

export const pseudonymsSchema = z.strictObject({
  keyFile: z.string().min(1).describe('64 hexadecimal digits or more (openssl rand -hex 32); it stays with you'),
  of: z
    .array(z.enum(whose))
    .optional()
    .describe('users and groups that the cluster names, the collector’s own user, people who request and approve; default: all but groups'),
  annotations: z
    .array(z.string().min(1))
    .optional()
    .describe('Keys of annotations and labels whose values are names; default: all of keepAnnotations'),
  names: z
    .array(z.string().refine((name) => name.length > 2 || isDistinct(name), 'a name of three letters or more'))
    .optional()
    .describe('Further names, wherever they stand: short forms, or names in texts'),
});

export interface PseudonymConfig {
  /** Absolute. */
  readonly keyFile: string;
  readonly of: ReadonlySet<Whose>;
  readonly annotations: readonly string[];
  readonly names: readonly string[];
}

export function readPseudonymConfig(
  given: z.infer<typeof pseudonymsSchema> | undefined,
  keepAnnotations: readonly string[],
  within: (path: string) => string,
): PseudonymConfig | null {
  if (given === undefined) return null;
  const { keyFile, of = ['users', 'collector', 'people'], annotations = keepAnnotations, names = [] } = given;
  return { keyFile: within(keyFile), of: new Set(of), annotations, names };
}
