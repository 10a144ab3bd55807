export { rollUp, type RollUpContext, summarize } from './roll-up.ts';
