/** `init`, `doctor`, `manifests rbac`. */
import { dirname, relative } from 'node:path';
import { doctor, init, loadConfig, loadConfigOrDefaults, pickCluster, rbacManifests } from '../app/index.ts';
import { exitCodeOf, visible } from '../model/index.ts';
import type { Action } from './session.ts';
import { wrap } from './terminal.ts';

interface Common {
  readonly config?: string;
  readonly cluster?: string;
  readonly output?: string;
}

export const initAction: Action<{ organization?: string; cluster?: string; context?: string }> = async ({ app, terminal }, options) => {
  const report = await init(app, options);
  const short = (path: string) => relative(app.cwd, path) || path;
  terminal.print(
    `wrote ${short(report.file)} for cluster ${visible(report.cluster)}${report.context ? ` (context ${visible(report.context.name)}, ${visible(report.context.server ?? '')})` : ''}`,
  );
  if (report.otherContexts > 0) terminal.print(`  ${report.otherContexts} other contexts in the kubeconfig: proposed there, commented out`);
  if (report.fingerprint !== null) {
    terminal.print(`made the signing keys in ${short(dirname(report.keys))}`);
    terminal.print('  Give this fingerprint to whoever will verify your packs, by a way that is not the pack:');
    terminal.print(`  ${report.fingerprint}`);
  }
  terminal.print();
  terminal.print('  kubevidence doctor · kubevidence collect');
  return 0;
};

export const doctorAction: Action<Common> = async ({ app, terminal }, options) => {
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const cluster = pickCluster(config, options.cluster);
  let code = 0;
  let problems = 0;
  for await (const check of doctor(app, config, cluster)) {
    const mark =
      check.state === 'ok'
        ? terminal.style('blue', 'ok      ')
        : check.state === 'warning'
          ? 'warning '
          : terminal.style(['red', 'bold'], 'problem ');
    terminal.print(mark + wrap(check.what, terminal.columns, '        '));
    if (check.detail !== undefined) terminal.print(`        ${wrap(check.detail, terminal.columns, '        ')}`);
    if (check.state === 'problem') problems += 1;
    if (check.error !== undefined) code = Math.max(code, exitCodeOf(check.error));
  }
  for (const key of config.idle) terminal.print(`warning ${key} in kubevidence.yaml has no effect in this version`);
  terminal.print();
  terminal.print(
    problems === 0 ? '  kubevidence collect' : `  ${problems} problems. What is missing becomes "not assessed", never "pass".`,
  );
  return code;
};

export const manifestsAction: Action<Common & { namespace: string; serviceAccount: string }> = async ({ app, terminal }, options) => {
  const config = loadConfigOrDefaults({ cwd: app.cwd, path: options.config, uid: app.uid });
  terminal.print(rbacManifests(config.collectors, options).trimEnd());
  return 0;
};
