/**
 * Certificates that lie on nodes, with what is left of their time, and whether etcd trusts another CA than the cluster: two CAs are one
 * where they have the same public key, whatever the files are called and however often the certificate was made anew.
 */
import type { Gap, Json, Population, Row } from '../../model/index.ts';
import { at, listAt, textAt } from '../../model/index.ts';
import { readArguments, type Program } from '../control-plane/flags.ts';
import { etcdHosts } from '../control-plane/etcd-hosts.ts';
import { segment, uniqueKeys } from '../identity.ts';
import type { NodeDocument } from './node-evidence.ts';
import { nameNodes, nodeListings, readNodeEvidence, sayMissing } from './node-evidence.ts';

interface Certificate {
  readonly role: string;
  readonly path: string;
  readonly position: number;
  readonly subject: string;
  readonly issuer: string;
  readonly notAfter: string;
  readonly ca: boolean;
  readonly key: string;
  readonly signature: string;
  readonly spki: string;
}

function readCertificate(value: Json | undefined, role: string, path: string): Certificate {
  const position = at(value, 'position');
  return {
    role: textAt(value, 'role') ?? role,
    path: textAt(value, 'path') ?? path,
    position: typeof position === 'number' ? position : 0,
    subject: textAt(value, 'subject') ?? '',
    issuer: textAt(value, 'issuer') ?? '',
    notAfter: textAt(value, 'notAfter') ?? '',
    ca: at(value, 'ca') === true,
    key: textAt(value, 'key') ?? '',
    signature: textAt(value, 'signature') ?? '',
    spki: textAt(value, 'spki') ?? '',
  };
}

function certificatesOf({ document }: NodeDocument): readonly Certificate[] {
  const files = listAt(document.body, 'certificates').map((each) => readCertificate(each, '', ''));
  const inConfigs = listAt(document.body, 'kubeconfigs').flatMap((each) => {
    const certificate = at(each, 'certificate');
    return certificate === undefined || certificate === null
      ? []
      : [readCertificate(certificate, textAt(each, 'role') ?? '', textAt(each, 'path') ?? '')];
  });
  // A file can have several roles.
  const once = new Map<string, Certificate>();
  for (const each of [...files, ...inConfigs]) {
    const key = `${each.position} ${each.path}`;
    if (!once.has(key)) once.set(key, each);
  }
  return [...once.values()];
}

/**
 * Whether a CA has such a name as is given to those that sign one certificate and are thrown away: a kubelet that is given no certificate
 * makes one so, kubelet.crt in its directory, with the CA behind it (client-go, GenerateSelfSignedCertKey).
 */
export function isThrownAway(name: string): boolean {
  return /(?:^|[ ,])CN=[^,]*-ca@\d{9,}$/.test(name);
}

function toRow(node: NodeDocument, certificate: Certificate, item: string, now: number): Row {
  const ends = Date.parse(certificate.notAfter);
  const [keyType = '', bits] = certificate.key.split(' ');
  const { spki: _, ...told } = certificate;
  const selfIssued = certificate.subject !== '' && certificate.subject === certificate.issuer;
  return {
    item,
    resource: node.resource,
    evidence: node.evidence,
    node: node.name,
    ...told,
    selfIssued,
    thrownAway: certificate.ca && selfIssued && certificate.position > 0 && isThrownAway(certificate.subject),
    keyType,
    keyBits: /^\d+$/.test(bits ?? '') ? Number(bits) : 0,
    known: !Number.isNaN(ends),
    ...(Number.isNaN(ends) ? {} : { daysLeft: Math.floor((ends - now) / 86_400_000) }),
  };
}

/** Roles of what is a certificate, or has one in it. */
const holds = /certificate|kubeconfig|(^|-)ca$|pki/;

/** Certificates that should have been read and were not; what is absent is none. One gap per path, however many nodes have it. */
function unreadCertificates(documents: readonly NodeDocument[]): readonly Gap[] {
  const unread = new Map<string, { reason: Gap['reason']; path: string; detail: string; names: string[] }>();
  const add = (name: string, reason: Gap['reason'], path: string, detail: string) => {
    const known = unread.get(`${reason} ${path}`);
    if (known === undefined) unread.set(`${reason} ${path}`, { reason, path, detail, names: [name] });
    else known.names.push(name);
  };
  for (const { name, document, installer, controlPlane } of documents) {
    for (const entry of listAt(document.body, 'unread')) {
      const [what = '', reason] = [textAt(entry, 'what'), textAt(entry, 'reason')];
      if (reason === 'absent' || !holds.test(what)) continue;
      add(name, reason === 'forbidden' ? reason : 'error', textAt(entry, 'path') ?? what, textAt(entry, 'detail') ?? '');
    }
    for (const entry of listAt(document.body, 'files')) {
      const role = textAt(entry, 'role') ?? '';
      if (textAt(entry, 'type') === 'unreadable' && holds.test(role) && !role.endsWith('-key'))
        add(name, 'error', textAt(entry, 'path') ?? role, textAt(entry, 'problem') ?? '');
    }
    const isNone = listAt(document.body, 'certificates').length === 0;
    if (isNone && controlPlane && installer === 'kubeadm') add(name, 'absent', 'certificates', 'none was found where kubeadm puts them');
    // A kubelet signs in with one, or with what its kubeconfig says.
    else if (isNone && listAt(document.body, 'kubeconfigs').length === 0)
      add(name, 'absent', 'certificates', 'none was found, and no kubeconfig');
  }
  return [...unread.values()].map(({ reason, path, detail, names }) => ({
    reason,
    what: `${path} on ${nameNodes(names)}`,
    detail,
    closedBy: 'run kubevidence node collect there, as root',
  }));
}

export const nodeCertificates: Population = {
  name: 'nodeCertificates',
  doc: 'A certificate that lies on a node, alone or in a kubeconfig, with the days that are left of its time',
  from: [],
  also: nodeListings,
  *rows(input) {
    const unique = uniqueKeys();
    const reading = readNodeEvidence(input);
    sayMissing(input, reading, 'nodes');
    sayMissing(input, reading, 'control plane');
    for (const gap of unreadCertificates(reading.documents)) input.gap(gap);
    for (const node of reading.documents) {
      for (const certificate of certificatesOf(node)) {
        const { path, position } = certificate;
        const item = `${segment(node.name)}${path.startsWith('/') ? '' : '/'}${path}${position === 0 ? '' : `/${position}`}`;
        yield toRow(node, certificate, unique(item), Date.parse(input.reader.at));
      }
    }
  },
};

/** The CA certificates that a program on this node is told to trust; undefined where nobody saw what it is told, or its file was not read. */
function trusted(node: NodeDocument, program: Program, flag: string): readonly Certificate[] | undefined {
  const told = listAt(node.document.body, 'programs').find((each) => textAt(each, 'program') === program);
  const path = told === undefined ? undefined : readArguments(listAt(told, 'arguments')).get(flag);
  const found = certificatesOf(node).filter((each) => each.path === path && each.spki !== '');
  return found.length === 0 ? undefined : found;
}

export const etcdTrust: Population = {
  name: 'etcdTrust',
  doc: 'An etcd member with the CAs whose clients it lets in, and those of them that are CAs of the cluster',
  from: [],
  also: nodeListings,
  *rows(input) {
    const unique = uniqueKeys();
    const reading = readNodeEvidence(input);
    sayMissing(input, reading, 'control plane');
    const hosts = etcdHosts(input, reading);
    const clusterCas = new Map<string, string>();
    const cited = new Set<string>();
    for (const node of reading.documents.filter(({ controlPlane }) => controlPlane)) {
      const found = trusted(node, 'kube-apiserver', 'client-ca-file');
      if (found === undefined)
        input.gap({
          reason: 'absent',
          what: `the CA that the API server on ${node.name} trusts`,
          detail: 'its --client-ca-file was not read',
          closedBy: 'run kubevidence node collect there, as root',
        });
      for (const { spki, subject } of found ?? []) clusterCas.set(spki, subject);
      for (const id of node.evidence) cited.add(id);
    }
    for (const node of hosts) {
      const own = trusted(node, 'etcd', 'trusted-ca-file');
      const shared = (own ?? []).filter(({ spki }) => clusterCas.has(spki)).map(({ subject }) => subject);
      yield {
        item: unique(`etcd/${segment(node.name)}`),
        resource: node.resource,
        evidence: [...new Set([...node.evidence, ...cited])],
        node: node.name,
        known: own !== undefined,
        ...(own === undefined ? {} : { trusts: own.map(({ subject }) => subject), shared }),
      };
    }
  },
};
