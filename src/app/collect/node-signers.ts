/**
 * Who vouches for a node's document: its signature must hold, and where the configuration lists keys (`clusters[].nodeKeys`) it must be
 * by one of them. Where none are listed every document is taken, and says whose it is: a key that nobody listed proves no origin.
 */
import type { NodeCheck } from '../../sources/index.ts';
import { verifyJson } from '../../signing/index.ts';

/** `trusted`: fingerprints, SHA-256 of the SubjectPublicKeyInfo in hex. */
export function checkNodeWith(trusted: readonly string[]): NodeCheck {
  return (document) => {
    const check = verifyJson(document);
    if ('problem' in check)
      return {
        broken: true,
        refused: check.problem,
        closedBy: 'collect from the node again, and find out who changed the file',
      };
    const { fingerprint } = check;
    const listed = fingerprint !== null && trusted.includes(fingerprint);
    if (listed || trusted.length === 0) return { signer: fingerprint === null ? null : { fingerprint, listed } };
    return {
      broken: false,
      refused: fingerprint === null ? 'nobody signed it, and nodeKeys lists who may' : `its key ${fingerprint} is not among the nodeKeys`,
      closedBy:
        fingerprint === null
          ? 'kubevidence node collect --key FILE on the node'
          : 'compare the fingerprint with what `node collect --key` prints on the node, and add it to clusters[].nodeKeys',
    };
  };
}
