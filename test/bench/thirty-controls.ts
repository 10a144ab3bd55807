/** A framework of thirty controls, which are those of an auditor's first hour: what judging costs with them, beside what it costs with all. */
const ids =
  'RBAC-001 RBAC-002 RBAC-003 RBAC-004 RBAC-005 RBAC-006 RBAC-007 RBAC-008 RBAC-009 AUD-001 AUD-002 AUD-003 AUD-004 AUD-005 AUD-009 ' +
  'ENC-001 ENC-002 ENC-003 SEC-001 SEC-002 SEC-003 SEC-004 POD-001 POD-002 POD-003 POD-004 NET-001 API-001 API-002 RUN-002';

export const thirtyControls = `id: thirty
title: Thirty controls
kind: policy
version: "1"
source: https://bench.example
notice: Of the benchmark
sections: [{id: a, title: All}]
requirements:
${ids
  .split(' ')
  .map(
    (id) =>
      `  - {id: ${id}, title: As ${id}, section: a, needs: Nothing, controls: [{id: ${id}, strength: partial, because: it is the same}]}`,
  )
  .join('\n')}
`;
