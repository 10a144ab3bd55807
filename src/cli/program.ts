/** The commands and their options (docs/interface.md); each is a thin shell around one function of the app. */
import { Command, type CommanderError, Option } from 'commander';
import { toolVersion } from '../app/index.ts';
import { KubevidenceError, severities } from '../model/index.ts';
import type { Action, Session } from './session.ts';

/** Builds the program; `finish` receives the exit code of the command that ran. */
export function buildProgram(session: Session, finish: (code: number) => void): Command {
  const program = new Command('kubevidence')
    .description('A flight recorder for Kubernetes compliance: evidence, verdicts, and audit packs that verify offline.')
    .version(toolVersion, '--version')
    .option('--config <file>', 'kubevidence.yaml to use (default: the one in the current directory)')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(add --help for the options)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => session.terminal.print(text.trimEnd()),
      writeErr: (text) => session.terminal.note(text.trimEnd()),
    });

  /** Commands load when they run: start-up stays short, whatever the others need. */
  const run =
    <Options>(load: () => Promise<Action<Options>>) =>
    async (...all: unknown[]) => {
      const command = all.at(-1) as Command;
      const action = await load();
      finish(await action(session, command.optsWithGlobals<Options & object>(), command.args));
    };
  const output = (allowed: string) => new Option('-o, --output <format>', allowed).default('table');
  const wholeNumber = (text: string) => {
    if (!/^[1-9]\d{0,9}$/.test(text)) throw new KubevidenceError('usage', `${text} is not a run number`);
    return Number(text);
  };

  program
    .command('demo')
    .description('the whole main job on a recording of a real cluster: replay, assess, pack, verify')
    .option('--out <dir>', 'where the pack goes', 'kubevidence-demo')
    .action(run(async () => (await import('./demo.ts')).demoAction));

  program
    .command('init')
    .description('write kubevidence.yaml and the signing keys here')
    .option('--organization <name>', 'printed on every report')
    .option('--cluster <name>', "the cluster's name in the ledger (default: from the context)")
    .option('--context <name>', 'context of the kubeconfig (default: the current one)')
    .action(run(async () => (await import('./setup.ts')).initAction));

  program
    .command('doctor')
    .description('reachability, rights, ledger, keys and clock; says what each gap will cost')
    .option('--cluster <name>', 'which cluster of the configuration')
    .action(run(async () => (await import('./setup.ts')).doctorAction));

  program
    .command('collect')
    .description('one run into the ledger')
    .option('--cluster <name>', 'which cluster of the configuration')
    .option('--from <path>', 'read a recording, or a directory or file of manifests, instead of a live cluster')
    .option('--files <path...>', 'join what the API does not show: EncryptionConfiguration, audit Policy, kubelet configuration')
    .option('--record <file>', 'also write what was read, scrubbed, into a recording')
    .option('--dry-run', 'read and scrub, store nothing')
    .option('--strict', 'exit 3 when anything could not be read')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./collect.ts')).collectAction));

  program
    .command('assess')
    .description('judge the latest run, a past one, or files')
    .option('--cluster <name>', 'which cluster of the configuration')
    .option('--from <path>', 'judge a recording, or a directory or file of manifests; needs no ledger')
    .option('--at <time>', 'the run that had ended by then, e.g. 2026-08-14T12:00Z')
    .option('--run <number>', 'a past run', wholeNumber)
    .option('--framework <id>', 'only this framework')
    .option('--control <id>', 'only this control')
    .option('-n, --namespace <name>', 'only findings in this namespace')
    .option('--audit-policy <file>', 'judge with this audit policy')
    .addOption(new Option('--fail-on <severity>', 'exit 1 on findings of this severity or above').choices([...severities]))
    .option('--strict', 'exit 3 when anything could not be assessed')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./assess.ts')).assessAction));

  const pack = program.command('pack').description('audit packs');
  pack
    .command('create')
    .description('a signed audit pack of the evidence in the ledger')
    .requiredOption('--out <dir>', 'where the pack goes')
    .option('--cluster <name>', 'which cluster of the configuration')
    .option('--period <name>', 'e.g. 2026-Q3 (default: the last closed quarter that the ledger covers, else the running one)')
    .option('--checkpoint <size>', 'stand on an earlier checkpoint of the log', wholeNumber)
    .option('--zip-only', 'only the zip')
    .option('--no-zip', 'only the directory')
    .addOption(output('table|json'))
    .action(run(async () => (await import('./pack.ts')).createAction));

  program
    .command('verify <path>')
    .description('check a pack, offline; needs nothing but the file and, if you have it, a trusted key')
    .option('--trust <fingerprint|file>', 'the document key that you expect: SHA-256 of its public key, or its certificate')
    .addOption(output('table|json'))
    .action(run(async () => (await import('./pack.ts')).verifyAction));

  const ledger = program.command('ledger').description('the store of evidence');
  ledger
    .command('status')
    .description('runs and sizes')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./ledger.ts')).statusAction));
  ledger
    .command('verify')
    .description('check every record, hash and signature')
    .option('--against <file>', 'a checkpoint that you kept: prove that the log extends it')
    .addOption(output('table|json'))
    .action(run(async () => (await import('./ledger.ts')).verifyAction));
  ledger
    .command('checkpoint')
    .description('sign and print the head of the log')
    .option('--out <file>', 'write it there')
    .action(run(async () => (await import('./ledger.ts')).checkpointAction));

  const controls = program.command('controls').description('the controls in force');
  controls
    .command('list')
    .description('all controls')
    .addOption(output('table|json|yaml|name'))
    .option('--no-headers', 'no header line')
    .action(run(async () => (await import('./catalog.ts')).listControls));
  controls
    .command('show <id>')
    .description('one control, from why to remediation')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./catalog.ts')).showControl));
  controls
    .command('test [dir]')
    .description('run the examples of the controls, or of those in a directory of yours')
    .action(run(async () => (await import('./catalog.ts')).testControls));

  const frameworks = program.command('frameworks').description('the frameworks and their requirements');
  frameworks
    .command('list')
    .description('all frameworks')
    .addOption(output('table|json|yaml|name'))
    .option('--no-headers', 'no header line')
    .action(run(async () => (await import('./catalog.ts')).listFrameworks));
  frameworks
    .command('show <id> [requirement]')
    .description('requirements and the controls that support them')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./catalog.ts')).showFramework));

  program
    .command('keys')
    .description('signing keys')
    .command('show')
    .description('fingerprints and validity')
    .addOption(output('table|json'))
    .action(run(async () => (await import('./setup.ts')).keysAction));

  program
    .command('manifests')
    .description('Kubernetes manifests')
    .command('rbac')
    .description('the least ClusterRole for the collectors that are enabled')
    .option('--namespace <name>', 'where the ServiceAccount lives', 'kubevidence')
    .option('--service-account <name>', 'its name', 'collector')
    .action(run(async () => (await import('./setup.ts')).manifestsAction));

  return program;
}

/** Help and version are no errors; everything else that commander refuses is wrong usage. */
export function exitOfCommander(error: CommanderError): number {
  return error.exitCode === 0 || ['commander.help', 'commander.helpDisplayed', 'commander.version'].includes(error.code)
    ? error.code === 'commander.help' && error.exitCode !== 0
      ? 2
      : 0
    : 2;
}
