/** The shapes of outcomes, drawn as vectors: each is told from the others without colour (docs/look). */
import type { ShownOutcome } from '../../report-model.ts';
import { outcomeColours } from './style.ts';

type Doc = PDFKit.PDFDocument;

/** Draws the mark of an outcome inside the square of `size` whose centre is (x, y). */
export function drawMark(doc: Doc, shown: ShownOutcome, x: number, y: number, size: number): void {
  const colour = outcomeColours[shown];
  const radius = size / 2;
  const stroke = size * 0.13;
  doc.save().lineWidth(stroke).strokeColor(colour).fillColor(colour);
  const inner = radius - stroke / 2;
  if (shown === 'pass') doc.circle(x, y, radius * 0.92).fill();
  else if (shown === 'fail') triangle(doc, x, y, radius).fill();
  else if (shown === 'notAssessed') {
    const dash = (2 * Math.PI * inner) / 12;
    doc.dash(dash, { space: dash }).circle(x, y, inner).stroke();
  } else if (shown === 'manual') doc.rect(x - inner * 0.85, y - inner * 0.85, inner * 1.7, inner * 1.7).stroke();
  else if (shown === 'providerResponsibility') doc.polygon([x, y - inner], [x + inner, y], [x, y + inner], [x - inner, y]).stroke();
  else if (shown === 'notApplicable') doc.rect(x - inner * 0.8, y - stroke * 0.7, inner * 1.6, stroke * 1.4).fill();
  else {
    doc.circle(x, y, inner).stroke();
    triangle(doc, x, y - radius * 0.04, radius * 0.6).fill();
  }
  doc.restore();
}

function triangle(doc: Doc, x: number, y: number, radius: number): Doc {
  return doc.polygon([x, y - radius * 0.92], [x + radius, y + radius * 0.8], [x - radius, y + radius * 0.8]);
}

/** A segment of a bar: solid for what was judged, outlined for what others must show, hatched for exceptions, dashed for unknown. */
export function drawSegment(doc: Doc, shown: ShownOutcome, x: number, y: number, width: number, height: number): void {
  const colour = outcomeColours[shown];
  doc.save();
  if (shown === 'pass' || shown === 'fail' || shown === 'notApplicable') {
    doc.rect(x, y, width, height).fill(colour);
  } else {
    const inset = 0.4;
    doc.lineWidth(2 * inset).strokeColor(colour);
    if (shown === 'exception') {
      doc.save().rect(x, y, width, height).clip();
      for (let offset = -height; offset < width; offset += 3.2) doc.moveTo(x + offset, y + height).lineTo(x + offset + height, y);
      doc.stroke().restore();
    }
    if (shown === 'notAssessed') doc.dash(2, { space: 1.6 });
    doc.rect(x + inset, y + inset, Math.max(0.1, width - 2 * inset), height - 2 * inset);
    if (shown === 'notAssessed') doc.fillAndStroke('#ECEEF0', colour);
    else doc.stroke();
  }
  doc.restore();
}
