/** `audit matrix`: what an audit policy records of the events that auditors ask for, by who causes them, and what is wrong with it. */
import { type AuditMatrix, type Level, makeMatrix, tellRule } from '../../audit/index.ts';
import type { AppContext } from '../context.ts';
import type { PolicyRemarkInFile } from './policy-file.ts';
import { loadPolicyFile } from './policy-file.ts';

export interface AuditMatrixReport extends AuditMatrix {
  readonly schema: 'kubevidence/audit-matrix/v1';
  /** `rule` in cells and mistakes is an index of `rules`. Texts are the file's: untrusted. */
  readonly policy: {
    readonly file: string;
    readonly rules: readonly { readonly line: number; readonly level: Level; readonly text: string }[];
  };
  readonly remarks: readonly PolicyRemarkInFile[];
}

export function auditMatrix(context: AppContext, file: string): AuditMatrixReport {
  const { policy, rule, remarks } = loadPolicyFile(context, file);
  return {
    schema: 'kubevidence/audit-matrix/v1',
    policy: { file, rules: policy.rules.map((each, i) => ({ line: rule(i).line, level: each.level, text: tellRule(each) })) },
    ...makeMatrix(policy),
    remarks,
  };
}
