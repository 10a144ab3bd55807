/** `cluster rebind`. */
import { loadConfig, rebindCluster } from '../app/index.ts';
import { visible } from '../model/index.ts';
import type { Action } from './session.ts';

interface Options {
  readonly config?: string;
  readonly cluster?: string;
  readonly reason: string;
  readonly by: string;
}

export const rebindAction: Action<Options> = async ({ app, terminal }, options) => {
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const { cluster, from, to, run } = await rebindCluster(app, config, options);
  terminal.print(
    `${visible(cluster)} is now the cluster that run ${run} found: its kube-system UID is ${visible(to)}, not ${visible(from)}`,
  );
  terminal.print(`  said by ${visible(options.by)} (asserted, not authenticated), and shown in every pack`);
  terminal.print();
  terminal.print('  kubevidence collect');
  return 0;
};
