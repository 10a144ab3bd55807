/** The access review: what is reviewed, what became of it, and the commands that do what was decided. */
export type { DecidedRow, FollowUp, FollowUpState, ReviewDifference } from './review-follow-up.ts';
export { compareReviews, createFollowUp } from './review-follow-up.ts';
export type { Risk } from './review-risk.ts';
export { risks } from './review-risk.ts';
export type { ReviewOptions, ReviewPopulation, ReviewRow } from './review-rows.ts';
export { readReview } from './review-rows.ts';
export type { RevokeCommand } from './revoke-commands.ts';
export { quote, revokeCommands } from './revoke-commands.ts';
