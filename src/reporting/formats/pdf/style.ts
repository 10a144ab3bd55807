/** Sizes and colours of the PDF, in points and hex. Colour never carries a fact alone: a shape and a word always stand beside it. */
import type { ShownOutcome } from '../../report-model.ts';

export type Face = 'regular' | 'medium' | 'bold' | 'mono';

const millimetre = 72 / 25.4;
export const margin = 20 * millimetre;

export const lineHeight = 1.35;
export const sizes = { title: 26, heading: 17, subheading: 12, small: 7.5, table: 8.3, body: 9.5 } as const;

export const ink = '#1B1F24';
export const quiet = '#4A4F55';
export const linkInk = '#1D3F66';
export const hairline = '#D3D7DB';
export const rule = '#8A9097';
export const panel = '#F4F5F6';

/** Shape colours. Words beside them are always in ink, so that contrast does not depend on the outcome. */
export const outcomeColours: Readonly<Record<ShownOutcome, string>> = {
  pass: '#1F6FB2',
  fail: '#C8451B',
  exception: '#C8451B',
  notAssessed: '#767B82',
  manual: '#4A4F55',
  providerResponsibility: '#5B6B7B',
  notApplicable: '#A9AEB4',
};
