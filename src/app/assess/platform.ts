/** What a cluster is made of and who runs its control plane, in one line for people: what the configuration says, and what the evidence shows. */
import type { EvidenceReader } from '../../model/index.ts';
import { describeDistribution, detectDistribution } from '../../populations/index.ts';
import type { Config } from '../config.ts';

/** Null where neither says anything. */
export function describePlatform(config: Pick<Config, 'clusters'> | null, reader: EvidenceReader): string | null {
  const said = config?.clusters.find((each) => each.name === reader.cluster.name)?.managed;
  const found = detectDistribution(reader);
  const shown = found === null ? null : describeDistribution(found);
  if (said === undefined || said === found?.name) return shown;
  const who = said === 'none' ? 'its owner' : said === 'openshift' ? 'a provider of OpenShift' : said.toUpperCase();
  return `as the configuration says, ${who} runs the control plane; the evidence shows ${shown ?? 'nothing of it'}`;
}
