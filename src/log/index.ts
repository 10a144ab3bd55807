export * from './merkle.ts';
export * from './note.ts';
export * from './records.ts';
export * from './tlog-proof.ts';
