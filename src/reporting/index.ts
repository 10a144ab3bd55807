/** Reports: one model from what the ledger holds, and the formats that print it. */
export { describeRead } from './build-coverage.ts';
export { outcomeOfPeriod } from './build-period.ts';
export { buildReportModel } from './build-report-model.ts';
export { renderPdf, type PdfOptions, type SignableDocument } from './formats/pdf/index.ts';
export { renderWorkbook, type WorkbookOptions } from './formats/xlsx/index.ts';
export { tellPseudonyms } from './tell-pseudonyms.ts';
export * from './review/index.ts';
export { loadReportDefinition, type ReportDefinition } from './report-definition.ts';
export type { JudgedPeriodInput, OwnersInput, PathsInput, ReadInput, ReportInputs, RunInput } from './report-inputs.ts';
export type {
  AuditLogSetting,
  ReportAuditPolicy,
  ReportBinding,
  ReportChanges,
  ReportCheckpoint,
  ReportDefinitionChange,
  ReportException,
  ReportExhibit,
  ReportModel,
  ReportRedaction,
  ReportReview,
} from './report-model.ts';
