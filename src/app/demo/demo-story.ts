/**
 * demo/story.yaml: what people did in the demo's quarter, step by step, beside what the recordings show. The story's clock is ahead of or
 * behind this machine's by as much as the step that is being lived through says; it runs on within a step.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { readYamlFile } from '../../catalog/index.ts';
import type { Clock, Instant } from '../../model/index.ts';
import { packageRoot } from '../context.ts';

const instant = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/);
const person = z.string().min(1);
const params = z.record(z.string(), z.record(z.string(), z.json()));

const step = z.union([
  z.strictObject({ at: instant, run: z.string().describe('A file of recordings/'), slot: instant.optional() }),
  z.strictObject({
    at: instant,
    exception: z.strictObject({
      control: z.string(),
      item: z.string(),
      reason: z.string(),
      compensatingControl: z.string(),
      ticket: z.string(),
      requester: person,
      expires: z.string(),
    }),
  }),
  z.strictObject({ at: instant, approve: z.string(), approver: person }),
  z.strictObject({
    at: instant,
    params,
    reason: z.string(),
    requester: person,
    approver: person,
    ticket: z.string(),
  }),
  z.strictObject({ at: instant, pack: z.string().describe('The period') }),
]);

const story = z.strictObject({
  organization: z.string(),
  cluster: z.string(),
  timezone: z.string(),
  schedule: z.string(),
  timeToLive: z.string(),
  keepAnnotations: z.array(z.string()),
  /** As recorded: what is not named here is not taken from a recording either. */
  collectors: z.record(z.string(), z.boolean()),
  params,
  /** When the ledger was made. */
  begins: instant,
  steps: z.array(step).min(2),
});

export type Story = z.infer<typeof story>;
export type Step = Story['steps'][number];

const directory = join(packageRoot, 'demo');

export function readStory(): Story {
  return readYamlFile(join(directory, 'story.yaml'), story, { missing: 'It is part of the package: install it again.' });
}

export function recordingOf(name: string): string {
  return join(directory, 'recordings', `${name}.jsonl.gz`);
}

/** A clock that runs as `real` does, and is set anew by each step. */
export function openStoryTime(real: Clock): { readonly clock: Clock; set(at: Instant): void } {
  let ahead = 0;
  return {
    clock: () => new Date(real().getTime() + ahead),
    set(at) {
      ahead = Date.parse(at) - real().getTime();
    },
  };
}
