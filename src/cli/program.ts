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
    .option('--files <path...>', 'join what the API does not show: documents of nodes, EncryptionConfiguration, audit Policy')
    .option('--record <file>', 'also write what was read, scrubbed, into a recording')
    .option('--dry-run', 'read and scrub, store nothing')
    .option('--scheduled', 'the run of the latest slot of `schedule.collect` that is due; for a CronJob')
    .option('--slot <time>', 'with --scheduled: the slot, e.g. 2026-08-14T04:00Z')
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

  const drift = program
    .command('drift')
    .description('what differs between two snapshots: objects and outcomes')
    .option('--cluster <name>', 'which cluster of the configuration')
    .option('--from-run <number>', 'the earlier snapshot (default: the one before the later)', wholeNumber)
    .option('--to-run <number>', 'the later snapshot (default: the latest)', wholeNumber)
    .option('--since <duration>', 'begin with the snapshot that held so long ago, e.g. 24h or 7d')
    .option('--baseline', 'begin with the accepted baseline')
    .option('-n, --namespace <name>', 'only objects and findings in this namespace')
    .option('--fail-on-drift', 'exit 1 when anything differs')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./drift.ts')).driftAction));
  drift
    .command('baseline')
    .description('the snapshot that later ones are compared with')
    .command('accept')
    .description('accept a snapshot as the baseline; recorded, with who and why')
    .option('--run <number>', 'which one (default: the latest)', wholeNumber)
    .requiredOption('--reason <text>', 'why it is as it should be')
    .requiredOption('--by <name>', 'who accepts it')
    .action(run(async () => (await import('./drift.ts')).acceptAction));

  const access = program.command('access').description('RBAC as an auditor asks it');
  /** Which evidence: the same options as `assess`. */
  const evidence = (command: Command) =>
    command
      .option('--cluster <name>', 'which cluster of the configuration')
      .option('--from <path>', 'a recording, or a directory or file of manifests; needs no ledger')
      .option('--at <time>', 'the run that had ended by then, e.g. 2026-08-14T12:00Z')
      .option('--run <number>', 'a past run', wholeNumber)
      .option('--strict', 'exit 3 when the answer is not known, because something was not read');
  const membershipsHelp = 'who is in which group: CSV `user,group`, or a SCIM export; for groups of an identity provider';
  evidence(access.command('can <verb> <resource> [groups...]'))
    .description('may somebody do something, and why; exit 0 for yes, 1 for no')
    .option('--as <user>', 'who, as the API server names users, or ServiceAccount/NS/NAME (default: the account that collected)')
    .option('--as-group <group>', 'a group besides the implied ones; may be repeated', (group, all: string[] | undefined) => [
      ...(all ?? []),
      group,
    ])
    .option('--name <name>', 'of the object (default: none, so that rules for some names do not count)')
    .option('-n, --namespace <name>', 'where (default: across all namespaces)')
    .option('--memberships <file>', membershipsHelp)
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./access.ts')).canAction));
  evidence(access.command('check'))
    .description('answer many SubjectAccessReview specs, one a line; nothing is implied')
    .requiredOption('--file <tuples.jsonl>', 'the specs')
    .addOption(new Option('-o, --output <format>', 'jsonl').default('jsonl'))
    .action(run(async () => (await import('./access.ts')).checkAction));
  evidence(access.command('who-can <verb> <resource> [name]'))
    .description('every subject that a binding gives a right, with each grant')
    .option('-n, --namespace <name>', 'only what holds there (default: cluster-wide or in any namespace)')
    .option('--memberships <file>', membershipsHelp)
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./access.ts')).whoCanAction));
  evidence(access.command('matrix'))
    .description('effective access as CSV: subject, scope, verb, resource, and what gives it')
    .requiredOption('--out <file.csv>', 'where it goes')
    .addOption(output('table|json'))
    .action(run(async () => (await import('./access.ts')).matrixAction));

  evidence(access.command('paths'))
    .description('how far subjects can climb: every path to a target, hop by hop, and which bindings to remove')
    .option('--to <target>', 'cluster-admin, secret:NS/NAME or node:NAME', 'cluster-admin')
    .option('--subject <subject>', 'only from here: User/alice, Group/dev, ServiceAccount/NS/NAME')
    .option('--all', 'also by what the API server and the installer grant')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./access-paths.ts')).pathsAction));

  const review = access.command('review').description('the quarterly access review: a workbook for people, read back as an attestation');
  review
    .command('export')
    .description('write the grants of a snapshot as a workbook to decide about')
    .requiredOption('--out <file.xlsx>', 'where it goes')
    .option('--cluster <name>', 'which cluster of the configuration')
    .option('--run <number>', 'a past run (default: the latest snapshot)', wholeNumber)
    .option('--at <time>', 'the last snapshot by then, e.g. 2026-08-14T12:00Z')
    .option('--all', 'also the grants that every API server makes for itself')
    .option('--preparer <name>', 'who prepares it, and so does not review it (default: the user of this system)')
    .option('--carry <file.xlsx>', 'take over what a filled workbook decided about grants that are still the same')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./access-review.ts')).exportAction));
  review
    .command('import <file>')
    .description('record the decisions of a filled workbook, and print the commands for the revokes; changes nothing in the cluster')
    .requiredOption('--reviewer <name>', 'who answers for it; not who prepared it')
    .option('--preparer <name>', 'who prepared it (default: whom the workbook names)')
    .option('--partial', 'rows may be undecided; they stay open')
    .option('--cluster <name>', 'which cluster of the configuration (default: the one that the workbook names)')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./access-review.ts')).importAction));
  review
    .command('status')
    .description('the reviews, and whether the newest snapshot still has what was to be revoked')
    .option('--cluster <name>', 'which cluster of the configuration')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./access-review.ts')).statusAction));

  const audit = program.command('audit').description('what an audit policy records; asks no cluster and no ledger');
  audit
    .command('simulate')
    .description('at which level an audit policy would record a request, and by which rule')
    .requiredOption('--policy <file>', 'an audit.k8s.io/v1 Policy; - for stdin')
    .option('--verb <verb>', 'get, list, create, …; with --path the HTTP method in lower case')
    .option('--resource <name>', 'e.g. secrets, pods/exec, deployments.apps')
    .option('--subresource <name>', 'e.g. exec, token')
    .option('--api-group <group>', "of the resource (default: that of Kubernetes' resource of this name)")
    .option('-n, --namespace <name>', 'where (default: across all namespaces, or in none)')
    .option('--name <name>', 'of the object (default: none)')
    .option('--user <user>', 'who, as the API server names users, or ServiceAccount/NS/NAME; who impersonates, not who is impersonated')
    .option('--group <group...>', 'groups besides the implied ones')
    .option('--path <path>', 'instead of a resource, e.g. /healthz')
    .option('--file <requests.jsonl>', 'many requests, one a line, for -o jsonl; - for stdin. Nothing is implied')
    .addOption(new Option('-o, --output <format>', 'table|json|yaml|jsonl; with --file jsonl'))
    .action(run(async () => (await import('./audit.ts')).simulateAction));
  audit
    .command('matrix')
    .description('what an audit policy records of the events that auditors ask for, by who causes them, and what is wrong with it')
    .requiredOption('--policy <file>', 'an audit.k8s.io/v1 Policy; - for stdin')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./audit-matrix.ts')).matrixAction));

  program
    .command('node')
    .description('what only the files of a node show')
    .command('collect')
    .description('read the node that this runs on into a document that joins a run; reads no key and changes nothing')
    .option('--root <dir>', "where the node's file system is; /host in the DaemonSet of the guide", '/')
    .requiredOption('--out <file>', 'where the document goes; - for stdout')
    .option('--node <name>', "the Node's name in the API (default: from its kubelet's certificate, flags or host name)")
    .option('--key <file>', 'sign with the Ed25519 key in this file; made where there is none')
    .option('--configz <kubeconfig>', "also ask the node's kubelet what it runs with; a credential for `get nodes/configz` alone")
    .option('--every <duration>', 'stay, and collect again after this long, e.g. 12h')
    .action(run(async () => (await import('./node.ts')).collectNodeAction));

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
    .option('--tsa-ca <file>', 'certificates of the time-stamping authority, or of its issuer, as the authority publishes them (PEM)')
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
    .option('--against <file>', 'a checkpoint that you kept: prove that the log extends it')
    .option('--proof <file>', 'with --against: write the proof there, for whoever checks it without this tool')
    .action(run(async () => (await import('./ledger-checkpoint.ts')).checkpointAction));
  ledger
    .command('restored')
    .description('say in the log, for ever, that it goes on from an older copy than was published')
    .requiredOption('--reason <text>', 'what happened')
    .requiredOption('--by <name>', 'who says so')
    .action(run(async () => (await import('./ledger-checkpoint.ts')).restoredAction));

  ledger
    .command('hold')
    .description('what must not be erased: place a hold, release one, or list them')
    .option('--list', 'all holds, also those of packs and released ones')
    .option('--release <id>', 'end a hold')
    .option('--reason <text>', 'why')
    .option('--by <name>', 'who places or releases it')
    .option('--cluster <name>', 'only evidence of this cluster (default: everything)')
    .option('--run <number>', 'only this run; needs --cluster', wholeNumber)
    .option('--from <time>', 'only what was observed from then on')
    .option('--to <time>', 'only what was observed before')
    .addOption(output('table|json'))
    .action(run(async () => (await import('./ledger-erase.ts')).holdAction));
  ledger
    .command('erase')
    .description('destroy evidence or personal data for a legal basis; every proof still verifies')
    .option('--cluster <name>', 'whose evidence')
    .option('--object <name...>', 'all versions of an object: Kind/namespace/name, or Kind/name')
    .option('--id <id...>', 'one version of an object, or a payload, by its id')
    .option('--person <name...>', 'everything that names a person; give each spelling')
    .option('--payload <record...>', 'what a record of the log says at length; of a run, all that only it read')
    .option('--expired', 'everything whose retention is over')
    .option('--before <time>', 'only what was last read, or recorded, before')
    .option('--assessments', 'also the assessments that quote one of the objects')
    .option('--legal-basis <text>', 'why it may or must go; do not name the person')
    .option('--requester <name>', 'who asks for it')
    .option('--approver <name>', 'who approves it: somebody else')
    .option('--override-retention', 'the legal basis goes before the retention')
    .option('--dry-run', 'show what would go')
    .addOption(output('table|json'))
    .action(run(async () => (await import('./ledger-erase.ts')).eraseAction));

  ledger
    .command('backup')
    .description('copy the ledger into one file, verified; others may write meanwhile')
    .requiredOption('--out <file>', 'where the copy goes; nothing is overwritten')
    .addOption(output('table|json'))
    .action(run(async () => (await import('./ledger-port.ts')).backupAction));
  ledger
    .command('export')
    .description('write the ledger as JSON lines that anybody can read and check')
    .requiredOption('--out <dir>', 'where the files go; nothing is overwritten')
    .addOption(output('table|json'))
    .action(run(async () => (await import('./ledger-port.ts')).exportAction));
  ledger
    .command('import')
    .description('make a new ledger of an export, proving every line')
    .requiredOption('--from <dir>', 'what `ledger export` wrote')
    .option('--ledger <file>', 'the new ledger (default: the one that kubevidence.yaml names)')
    .addOption(output('table|json'))
    .action(run(async () => (await import('./ledger-port.ts')).importAction));
  ledger
    .command('reconcile')
    .description("match the cluster's own audit log with the runs, both ways")
    .requiredOption('--audit-log <file...>', 'audit.k8s.io/v1 Events, one a line, also .gz; several parts of one log')
    .option('--cluster <name>', 'whose log it is (default: the only cluster of the ledger)')
    .option('--from <time>', 'compare from here on (default: from the first event)')
    .option('--to <time>', 'and up to here (default: to the last event)')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./ledger-port.ts')).reconcileAction));

  program
    .command('cluster')
    .description('the clusters that the names stand for')
    .command('rebind')
    .description('let the name stand for the other cluster that the latest run found; recorded, with who and why')
    .option('--cluster <name>', 'which cluster of the configuration')
    .requiredOption('--reason <text>', 'why it is another cluster')
    .requiredOption('--by <name>', 'who answers for it')
    .action(run(async () => (await import('./cluster.ts')).rebindAction));

  const exception = program.command('exception').description('deviations that management accepts for a while, by two people');
  exception
    .command('add <control> <item>')
    .description('request one; it has no effect before another person approves it')
    .requiredOption('--expires <date>', 'the last day on which it holds, or a time; a year at most')
    .requiredOption('--reason <text>', 'why the deviation is acceptable')
    .requiredOption('--requester <name>', 'who requests it')
    .option('--compensating-control <text>', 'what else lowers the risk')
    .option('--ticket <id>', 'where it was decided')
    .option('--cluster <name>', 'which cluster of the configuration')
    .action(run(async () => (await import('./exception.ts')).addAction));
  exception
    .command('approve <id>')
    .description('put a requested one in force')
    .requiredOption('--approver <name>', 'who approves it; not the requester')
    .action(run(async () => (await import('./exception.ts')).approveAction));
  exception
    .command('list')
    .description('all of them: in force, waiting, expired, revoked, unused')
    .option('--cluster <name>', 'only those of this cluster')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./exception.ts')).listAction));
  exception
    .command('revoke <id>')
    .description('end one')
    .requiredOption('--reason <text>', 'why')
    .requiredOption('--by <name>', 'who says so')
    .action(run(async () => (await import('./exception.ts')).revokeAction));

  const definitions = program.command('definitions').description('what decides what is collected and judged, and how it changed');
  definitions
    .command('list')
    .description('every recorded change, and whether one is pending')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./definitions.ts')).listAction));
  definitions
    .command('approve [record]')
    .description('record what changed now with its reason, or approve what a run recorded')
    .requiredOption('--reason <text>', 'why')
    .requiredOption('--requested-by <name>', 'who asked for it')
    .requiredOption('--approved-by <name>', 'who approved it; another person')
    .action(run(async () => (await import('./definitions.ts')).approveAction));

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

  const techniques = program.command('techniques').description('the known ways to climb from one right to another');
  techniques
    .command('list')
    .description('all techniques')
    .addOption(output('table|json|yaml|name'))
    .option('--no-headers', 'no header line')
    .action(run(async () => (await import('./techniques.ts')).listTechniques));
  techniques
    .command('show <id>')
    .description('one technique: the rights that it takes, what it gives, what decides it')
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./techniques.ts')).showTechnique));
  techniques
    .command('test [dir]')
    .description('run the examples of the techniques, or of those in a directory of yours')
    .action(run(async () => (await import('./techniques.ts')).testTechniques));

  const frameworks = program.command('frameworks').description('the frameworks and their requirements');
  frameworks
    .command('list')
    .description('all frameworks')
    .addOption(output('table|json|yaml|name'))
    .option('--no-headers', 'no header line')
    .action(run(async () => (await import('./frameworks.ts')).listFrameworks));
  frameworks
    .command('show <id> [requirement]')
    .description('requirements and the controls that support them; one requirement from its evidence to its verdict')
    .option('--cluster <name>', 'whose present outcome: a cluster of the configuration (default: the only one)')
    .option('--from <path>', 'judge a recording, or a directory or file of manifests; needs no ledger')
    .option('--at <time>', 'the run that had ended by then, e.g. 2026-08-14T12:00Z')
    .option('--run <number>', 'a past run', wholeNumber)
    .addOption(output('table|json|yaml'))
    .action(run(async () => (await import('./frameworks.ts')).showFramework));

  const keys = program.command('keys').description('signing keys');
  keys
    .command('show')
    .description('fingerprints, validity, and the keys before')
    .addOption(output('table|json'))
    .action(run(async () => (await import('./keys.ts')).showKeysAction));
  keys
    .command('generate')
    .description('make the keys where there are none; init and the first collect do it too')
    .action(run(async () => (await import('./keys.ts')).generateKeysAction));
  keys
    .command('rotate')
    .description('another key signs from here on; the log says so, and the old log key vouches for the new')
    .addOption(new Option('--key <which>', 'which of the two').choices(['log', 'document']).default('log'))
    .requiredOption('--reason <text>', 'why')
    .requiredOption('--by <name>', 'who does it')
    .action(run(async () => (await import('./keys.ts')).rotateKeyAction));
  keys
    .command('revoke <id>')
    .description('a key is not to be believed any more; one that is in force is replaced first')
    .option('--from <time>', 'with effect from, e.g. 2026-08-14T12:00Z (default: now)')
    .requiredOption('--reason <text>', 'why')
    .requiredOption('--by <name>', 'who does it')
    .action(run(async () => (await import('./keys.ts')).revokeKeyAction));

  program
    .command('serve')
    .description('stay, and collect and assess by the schedule of kubevidence.yaml')
    .addOption(new Option('--log <format>', 'of the log on stderr (default: text on a terminal, else json)').choices(['text', 'json']))
    .action(run(async () => (await import('./serve.ts')).serveAction));

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
