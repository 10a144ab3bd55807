/**
 * The worst paths as boxes and arrows, from left to right, in one drawing that fits a page. Guarantees: every text stays in its box or on
 * its arrow, one that is cut has an ellipsis; no two boxes or texts overlap, no two arrows cross. Solid arrows are certain, dashed
 * ones possible.
 */
import { clip } from '../../../model/index.ts';
import { pathKinds, plural } from '../wording.ts';
import type { Paper } from './paper.ts';
import { kindOf, type Lane, type TreeNode, treeOf } from './path-tree.ts';
import { ink, lineHeight, outcomeColours, panel, quiet, rule } from './style.ts';
import { type Line, name, type Span, text } from './typeset.ts';

/** More rows than this are no picture any more. */
export const mostLanes = 8;
const tallest = 540;
const small = 6.4;
const normal = 7.2;
const leading = (size: number): number => size * lineHeight;
const padding = 4;
const rowGap = 9;
/** Where arrows turn, before their box. */
const turn = 10;
const nameLines = 4;
const bindingLines = 3;

/** Widths of the target's box, of the others, and of what is between them, by the number of boxes in a row. */
const measures: Readonly<Record<number, { readonly target: number; readonly box: number }>> = {
  2: { target: 70, box: 150 },
  3: { target: 68, box: 104 },
  4: { target: 63, box: 75 },
};

interface Text {
  readonly lines: readonly Line[];
  readonly size: number;
}

/** A node with its subtree, placed: coordinates from the top of the subtree. */
interface Block {
  readonly node: TreeNode;
  readonly children: readonly { readonly block: Block; readonly top: number }[];
  /** Where its arrows are. */
  readonly axis: number;
  readonly height: number;
  readonly column: number;
  readonly box: readonly Text[];
  readonly above: Text;
  readonly below: Text;
}

interface Grid {
  readonly columns: number;
  readonly left: (column: number) => number;
  readonly width: (column: number) => number;
}

/** Draws as many of the lanes as fit, the first ones, and says how many those are. */
export function drawPathTree(paper: Paper, lanes: readonly Lane[]): number {
  for (let count = Math.min(mostLanes, lanes.length); count > 0; count -= 1) {
    const shown = lanes.slice(0, count);
    const root = treeOf(shown);
    if (root === null) return 0;
    const grid = gridOf(paper, depthOf(root) + 1);
    const block = placed(paper, grid, root, null);
    if (block.height > tallest && count > 1) continue;
    paper.figure(shown.map(describeLane).join(' '), block.height + 4, () => drawBlock(paper, grid, block, paper.y + 2));
    paper.space(8);
    return count;
  }
  return 0;
}

function depthOf({ children, distance }: TreeNode): number {
  return Math.max(distance, ...children.map(depthOf));
}

function gridOf(paper: Paper, columns: number): Grid {
  const { target, box } = measures[columns] ?? { target: 63, box: 75 };
  const between = (paper.width - target - (columns - 1) * box) / (columns - 1);
  return {
    columns,
    left: (column) => paper.left + column * (box + between),
    width: (column) => (column === columns - 1 ? target : box),
  };
}

function placed(paper: Paper, grid: Grid, node: TreeNode, parent: number | null): Block {
  // Whoever starts stands at the left, unless others come through.
  const column = node.children.length === 0 && node.distance > 0 ? 0 : grid.columns - 1 - node.distance;
  const box = boxOf(paper, node, grid.width(column) - 2 * padding);
  const [above, below] = labelsOf(paper, grid, node, column, parent);
  let bottom = 0;
  const children = node.children.map((child) => {
    const block = placed(paper, grid, child, column);
    const top = bottom;
    bottom += block.height + rowGap;
    return { block, top };
  });
  const [first, last] = [children[0], children.at(-1)];
  const center = first === undefined || last === undefined ? 0 : (first.top + first.block.axis + last.top + last.block.axis) / 2;
  const half = heightOf(box) / 2 + padding;
  const over = Math.max(half, heightOf([above]) + 3);
  const under = Math.max(half, heightOf([below]) + 3);
  const shift = Math.max(0, over - center);
  return {
    node,
    children: children.map(({ block, top }) => ({ block, top: top + shift })),
    axis: center + shift,
    height: Math.max(bottom - rowGap + shift, center + shift + under),
    column,
    box,
    above,
    below,
  };
}

function heightOf(texts: readonly Text[]): number {
  return texts.reduce((sum, { lines, size }) => sum + lines.length * leading(size), 0);
}

function boxOf(paper: Paper, { places, distance }: TreeNode, width: number): readonly Text[] {
  const set = (span: Span, size: number, most: number): Text => ({ lines: fitted(paper, span, size, width, most), size });
  const [first] = places;
  if (distance === 0) return [set(text(first?.states.join(', ') ?? '', { face: 'bold' }), normal, nameLines)];
  const left = places.length - placesShown;
  const shown = left > 0 ? [...places.slice(0, placesShown - 1), ...places.slice(-1)] : places;
  const texts: Text[] = [];
  for (const [index, { states, step }] of shown.entries()) {
    const isLast = index === shown.length - 1;
    if (isLast && left > 0) texts.push(set(text(`… ${plural(left, 'more step')} …`, { colour: quiet }), small, 1));
    texts.push(...statesOf(set, states, places.length > 1));
    const then = step?.certain === false ? 'then, possibly' : 'then';
    // The last step has an arrow.
    if (!isLast) texts.push(set(text(`${then}: ${step?.title ?? ''}`, { colour: quiet }), small, 3));
  }
  return texts;
}

/** In one box. */
const placesShown = 3;

function statesOf(set: (span: Span, size: number, most: number) => Text, states: readonly string[], short: boolean): readonly Text[] {
  const [only = ''] = states;
  if (states.length === 1) {
    const kind = kindText(only);
    return [...(kind === '' ? [] : [set(text(kind, { colour: quiet }), small, 1)]), set(name(nameOf(only)), normal, short ? 2 : nameLines)];
  }
  const shown = states.slice(0, states.length > 3 ? 2 : 3);
  const more = states.length - shown.length;
  return [
    set(text(countText(states), { face: 'medium' }), normal, 3),
    ...(short ? [] : shown.map((state) => set(name(nameOf(state)), small, 1))),
    ...(short || more === 0 ? [] : [set(text(`and ${more} more`, { colour: quiet }), small, 1)]),
  ];
}

/** The technique over the arrow, and below it the bindings. */
function labelsOf(paper: Paper, grid: Grid, { step }: TreeNode, column: number, parent: number | null): readonly [Text, Text] {
  const none: Text = { lines: [], size: small };
  if (step === null || parent === null) return [none, none];
  const { title, bindings } = step;
  const width = grid.left(parent) - turn - 4 - (grid.left(column) + grid.width(column) + 4);
  const shown =
    bindings.length > 2 ? text(plural(bindings.length, 'binding'), { colour: quiet }) : name(bindings.join(', '), { colour: quiet });
  return [
    { lines: fitted(paper, text(title), normal, width, 9), size: normal },
    bindings.length === 0 ? none : { lines: fitted(paper, shown, small, width, bindingLines), size: small },
  ];
}

/** As many lines as allowed. What is left out is an ellipsis, of a name in its middle: what tells names apart is often at their end. */
function fitted(paper: Paper, span: Span, size: number, width: number, most: number): readonly Line[] {
  const whole = paper.set([span], size, width);
  if (whole.length <= most) return whole;
  const characters = Array.from(span.text);
  const shortened = (kept: number): string => {
    const tail = span.face === 'mono' ? Math.floor(kept * 0.35) : 0;
    return `${characters.slice(0, kept - tail).join('')}…${tail === 0 ? '' : characters.slice(-tail).join('')}`;
  };
  let [fits, tooLong] = [0, Math.min(characters.length, 1000)];
  let lines: readonly Line[] = paper.set([{ ...span, text: shortened(0) }], size, width);
  while (tooLong - fits > 1) {
    const middle = Math.floor((fits + tooLong) / 2);
    const cut = paper.set([{ ...span, text: shortened(middle) }], size, width);
    if (cut.length <= most) [fits, lines] = [middle, cut];
    else tooLong = middle;
  }
  return lines;
}

function drawBlock(paper: Paper, grid: Grid, block: Block, top: number): void {
  const { node, children, column, box, above, below } = block;
  const axis = top + block.axis;
  for (const child of children) drawBlock(paper, grid, child.block, top + child.top);
  const left = grid.left(column);
  // Dashed first: where both run together, it is certain that there is a way.
  for (const child of children.toSorted((a, b) => Number(a.block.node.step?.certain) - Number(b.block.node.step?.certain))) {
    const from = grid.left(child.block.column) + grid.width(child.block.column);
    drawArrow(paper, from, top + child.top + child.block.axis, left, axis, child.block.node.step?.certain === true);
  }
  drawBox(paper, node, left, axis - heightOf(box) / 2 - padding, grid.width(column), heightOf(box) + 2 * padding);
  drawTexts(paper, box, left + padding, axis - heightOf(box) / 2);
  const start = left + grid.width(column) + 4;
  drawTexts(paper, [above], start, axis - heightOf([above]) - 1.5);
  drawTexts(paper, [below], start, axis + 2);
}

function drawTexts(paper: Paper, texts: readonly Text[], x: number, y: number): void {
  let top = y;
  for (const { lines, size } of texts)
    for (const line of lines) {
      paper.labelSet(line, x, top, size);
      top += leading(size);
    }
}

function drawBox({ doc }: Paper, { starts, distance }: TreeNode, x: number, y: number, width: number, height: number): void {
  doc.save().rect(x, y, width, height);
  if (distance === 0) doc.lineWidth(1.3).strokeColor(outcomeColours.fail).stroke();
  else if (!starts) doc.lineWidth(0.6).strokeColor(rule).stroke();
  else doc.lineWidth(0.8).fillAndStroke(panel, ink);
  doc.restore();
}

export function drawArrow({ doc }: Paper, x: number, y: number, toX: number, toY: number, certain: boolean): void {
  const bend = toX - turn;
  doc.save().lineWidth(0.9).strokeColor(ink).fillColor(ink);
  if (!certain) doc.dash(2.4, { space: 1.8 });
  doc.moveTo(x, y);
  if (Math.abs(y - toY) > 0.1) doc.lineTo(bend, y).lineTo(bend, toY);
  doc
    .lineTo(toX - 3, toY)
    .stroke()
    .undash();
  doc.polygon([toX - 4.5, toY - 2.4], [toX, toY], [toX - 4.5, toY + 2.4]).fill();
  doc.restore();
}

/** `42 service accounts in 3 namespaces`. */
function countText(states: readonly string[]): string {
  const kinds = new Set(states.map(kindOf));
  const [kind = ''] = kinds;
  const [, many] = kinds.size > 1 ? ['', 'objects'] : (pathKinds[kind] ?? ['', `× ${kind}`]);
  const namespaces = new Set(states.map((state) => state.split('/')[1])).size;
  return `${states.length} ${many}${kinds.size === 1 && kind === 'ServiceAccount' ? ` in ${plural(namespaces, 'namespace')}` : ''}`;
}

function kindText(state: string): string {
  const kind = kindOf(state);
  return pathKinds[kind]?.[0] ?? kind;
}

function nameOf(state: string): string {
  return state.slice(kindOf(state).length).replace(/^\//, '');
}

/** For those who cannot see it: who, then each step. */
function describeLane({ subjects, steps }: Lane): string {
  const told = steps.map(({ title, bindings, to, certain }) => {
    const by = bindings.length > 2 ? plural(bindings.length, 'binding') : clip(bindings.join(', '), 240);
    return `${title}${by === '' ? '' : `, by ${by}`}, to ${describeStates(to)}${certain ? '' : ', which is only possible'}`;
  });
  return `${describeStates(subjects)}: ${told.join('; then ')}.`;
}

function describeStates(states: readonly string[]): string {
  const shown = states.slice(0, 3).map((state) => clip(nameOf(state), 120));
  if (states.length === 1) return `${kindText(states[0] ?? '')} ${shown.join('')}`.trim();
  const more = states.length - shown.length;
  return `${countText(states)} (${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''})`;
}
