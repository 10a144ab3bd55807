/** The workbook of an access review: written, read back, and held against what was exported. */
export { type CheckedReview, checkReview } from './check-review.ts';
export { type ReadReview, readReviewFile, type ReviewProblem } from './read-review.ts';
export { mostReviewRows, renderReview, type ReviewWorkbook } from './render-review.ts';
export type { FilledCells, ReviewDecision, ReviewOrigin, ReviewSheetRow } from './review-sheet.ts';
export { reviewSchema } from './review-sheet.ts';
