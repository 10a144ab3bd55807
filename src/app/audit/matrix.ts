/** `audit matrix`: what an audit policy records of the events that auditors ask for, by who causes them, and what is wrong with it. */
import { makeMatrix, tellRule } from '../../audit/index.ts';
import type { AppContext } from '../context.ts';
import type { AuditMatrixReport } from './documents.ts';
import { loadPolicyFile } from './policy-file.ts';

export function auditMatrix(context: AppContext, file: string): AuditMatrixReport {
  const { policy, rule, remarks } = loadPolicyFile(context, file);
  return {
    schema: 'kubevidence/audit-matrix/v1',
    policy: { file, rules: policy.rules.map((each, i) => ({ line: rule(i).line, level: each.level, text: tellRule(each) })) },
    ...makeMatrix(policy),
    remarks,
  };
}
