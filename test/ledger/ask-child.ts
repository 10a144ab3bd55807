/** Answers questions about ledgers (a line of JSON each, as is the answer) as the user that it is started as. */
import { createInterface } from 'node:readline';
import { look, type Question } from './look.ts';

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line) as Question;
  process.env['TMPDIR'] = question.tmp;
  console.log(JSON.stringify(look(question)));
}
