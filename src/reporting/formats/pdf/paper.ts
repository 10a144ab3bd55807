/**
 * Paper: a tagged pdfkit document with a cursor, that is PDF/A-2a and PDF/UA-1 at once. Every mark on a page is either an element of the
 * structure tree or an artifact; every link leads to a place that exists; no line of text is placed outside the margins. Output depends on
 * the model alone, byte for byte.
 */
import { createRequire } from 'node:module';
import type PdfKit from 'pdfkit';
import { KubevidenceError, reasonOf } from '../../../model/index.ts';
import type { ReportMeta } from '../../report-model.ts';
import { harmless } from '../wording.ts';
import { type Face, ink, lineHeight, margin, sizes } from './style.ts';
import { type Fonts, type Line, type Piece, setLines, sizeOf, type Span } from './typeset.ts';

export type Element = PDFKit.PDFStructureElement;
export type Doc = PDFKit.PDFDocument;

/** Options of pdfkit that its type declarations do not know. */
type StructOptions = PDFKit.Mixins.StructureElementOptions & {
  readonly scope?: string;
  readonly columns?: number;
  readonly bbox?: readonly number[];
  readonly placement?: string;
};

export class Paper {
  readonly doc: Doc;
  readonly fonts: Fonts;
  readonly left = margin;
  readonly top = margin + 14;
  readonly width: number;
  readonly bottom: number;
  y: number;
  private readonly root: Element;
  private readonly places = new Map<string, string>();
  private readonly linked = new Set<string>();
  private readonly bookmarks: PDFKit.PDFOutline[] = [];

  /** pdfkit takes 30 MB, so it is loaded when it is time to print. */
  static async open(meta: ReportMeta, title: string): Promise<Paper> {
    return new Paper((await import('pdfkit')).default, meta, title);
  }

  private constructor(Kit: typeof PdfKit, meta: ReportMeta, title: string) {
    const time = new Date(meta.generatedAt);
    this.doc = new Kit({
      size: meta.paper === 'A4' ? 'A4' : 'LETTER',
      // pdfkit breaks pages by itself at a margin; every break here is ours.
      margins: { top: 0, bottom: 0, left: margin, right: margin },
      pdfVersion: '1.7',
      tagged: true,
      // To be read for as long as evidence is kept: fonts and a colour profile inside, and nothing attached (PDF/A-3 would let files in).
      subset: 'PDF/A-2a',
      lang: meta.language,
      displayTitle: true,
      bufferPages: true,
      autoFirstPage: false,
      info: { Title: title, Creator: 'Kubevidence', Producer: `Kubevidence ${meta.toolVersion}`, CreationDate: time, ModDate: time },
    });
    completeMetadata(this.doc);
    this.fonts = openFonts(this.doc, meta.fonts);
    this.doc.addPage();
    this.width = this.doc.page.width - 2 * margin;
    this.bottom = this.doc.page.height - margin - 14;
    this.y = this.top;
    this.root = this.doc.struct('Document');
    this.doc.addStructure(this.root);
  }

  get room(): number {
    return this.bottom - this.y;
  }

  newPage(): void {
    joinContent(this.doc);
    this.doc.addPage();
    this.y = this.top;
  }

  /** Starts a new page unless `height` still fits on this one. */
  ensure(height: number): void {
    if (this.room < height && this.y > this.top) this.newPage();
  }

  space(height: number): void {
    this.y = Math.min(this.bottom, this.y + height);
  }

  /** Makes the current spot the target of links to `key`. */
  place(key: string, y = this.y): void {
    const destination = this.destinationOf(key);
    if (this.linked.has(`placed ${key}`)) return;
    this.linked.add(`placed ${key}`);
    this.doc.addNamedDestination(destination, 'XYZ', margin, Math.max(0, y - 8), null);
  }

  bookmark(title: string, level: number): void {
    this.bookmarks.length = Math.min(this.bookmarks.length, level - 1);
    const parent = this.bookmarks.at(-1) ?? this.doc.outline;
    // Types know only `expanded`; pdfkit also takes where on the page to go.
    const options = { expanded: level === 1, fit: false, top: Math.max(0, this.y - 12) } as { expanded: boolean };
    this.bookmarks.push(parent.addItem(harmless(title), options));
  }

  heading(title: string, level: 1 | 2 | 3, key?: string): void {
    const size = level === 1 ? sizes.heading : level === 2 ? sizes.subheading : sizes.body;
    this.ensure(size * lineHeight + 60);
    this.bookmark(title, level);
    if (key !== undefined) this.place(key);
    this.paragraph([{ text: title, face: 'bold' }], { size, tag: `H${level}`, after: level === 1 ? 8 : 4 });
  }

  /** Text over the full width or less, broken over pages where it must be. */
  paragraph(
    spans: readonly Span[] | string,
    options: { size?: number; tag?: string; after?: number; width?: number; indent?: number; colour?: string } = {},
  ): void {
    const { size = sizes.body, tag = 'P', after = 6, indent = 0 } = options;
    const list = typeof spans === 'string' ? [{ text: spans }] : spans;
    const coloured = options.colour === undefined ? list : Array.from(list, (span): Span => ({ colour: options.colour ?? ink, ...span }));
    const lines = this.set(coloured, size, options.width ?? this.width - indent);
    const element = this.element(tag);
    for (const line of lines) {
      this.ensure(size * lineHeight);
      this.drawLine(line, this.left + indent, this.y, size, element);
      this.y += size * lineHeight;
    }
    element.end();
    this.space(after);
  }

  set(spans: readonly Span[], size: number, width: number): Line[] {
    return setLines(spans, size, width, this.fonts);
  }

  /** A structure element under `parent`; the caller ends it on the page where its last content stands. */
  element(tag: string, options: StructOptions = {}, parent: Element = this.root): Element {
    const element = this.doc.struct(tag, options);
    if (options.columns !== undefined) spanColumns(element, options.columns);
    parent.add(element);
    return element;
  }

  /** Draws marked content into `element`. */
  mark(element: Element, tag: string, draw: () => void): void {
    const content = this.doc.markStructureContent(tag);
    draw();
    this.doc.endMarkedContent();
    element.add(content);
  }

  artifact(draw: () => void, type: 'Layout' | 'Pagination' = 'Layout'): void {
    this.doc.markContent('Artifact', { type });
    draw();
    this.doc.endMarkedContent();
  }

  /** A drawing with a description for those who cannot see it. `links` are added to it when it is drawn. */
  figure(alt: string, height: number, draw: (element: Element) => void): void {
    this.ensure(height);
    const box = [this.left, this.y, this.left + this.width, this.y + height];
    const element = this.element('Figure', { alt: harmless(alt), bbox: box, placement: 'Block' });
    this.mark(element, 'Figure', () => draw(element));
    element.end();
    this.y += height;
  }

  hairline(y: number, colour: string, weight = 0.4, from = this.left, to = this.left + this.width): void {
    this.artifact(() => this.doc.save().lineWidth(weight).strokeColor(colour).moveTo(from, y).lineTo(to, y).stroke().restore());
  }

  /** One line with its top at `y`; links become annotations inside Link elements. */
  drawLine(line: Line, x: number, y: number, size: number, element: Element): void {
    const baseline = y + size * (lineHeight / 2 + 0.36);
    let cursor = x;
    for (const run of joinPieces(line.pieces)) {
      const at = cursor;
      const draw = (): void => this.drawText(run.text, at, baseline, size, run.face, run.colour);
      if (run.link === undefined) this.mark(element, 'Span', draw);
      else {
        const link = this.element('Link', {}, element);
        this.mark(link, 'Link', draw);
        this.annotate(run.link, at, y, run.width, size * lineHeight, run.text, link);
        link.end();
      }
      cursor += run.width;
    }
  }

  /** One line of text in a drawing or an artifact, which the caller has marked. */
  label(value: string, x: number, baseline: number, size: number, face: Face, colour = ink): void {
    let cursor = x;
    for (const piece of joinPieces(this.labelLine(value, face).pieces)) {
      this.drawText(piece.text, cursor, baseline, size, piece.face, colour);
      cursor += piece.width * size;
    }
  }

  /** A set line in a drawing, with its top at `y`. */
  labelSet(line: Line, x: number, y: number, size: number): void {
    const baseline = y + size * (lineHeight / 2 + 0.36);
    let cursor = x;
    for (const { text, face, colour, width } of joinPieces(line.pieces)) {
      this.drawText(text, cursor, baseline, size, face, colour);
      cursor += width;
    }
  }

  labelWidth(value: string, size: number, face: Face): number {
    return this.labelLine(value, face).width * size;
  }

  private labelLine(value: string, face: Face): Line {
    const [line] = this.set([{ text: value, face, whole: true }], 1, Number.POSITIVE_INFINITY);
    return line ?? { pieces: [], width: 0 };
  }

  private drawText(text: string, x: number, baseline: number, size: number, face: Face, colour: string): void {
    const { doc } = this;
    doc.font(face).fontSize(sizeOf(size, face)).fillColor(colour);
    doc.text(text, x, baseline, { lineBreak: false, baseline: 'alphabetic' });
  }

  /** A link over a rectangle to the place of `key`. */
  annotate(key: string, x: number, y: number, width: number, height: number, label: string, structParent: Element): void {
    this.linked.add(key);
    // pdfkit writes a String object as text; a plain string would become a PDF name.
    const Contents = Object(`Go to ${label}`) as string;
    const options = { Subtype: 'Link', Dest: this.destinationOf(key), Contents, structParent };
    this.doc.annotate(x, y, width, height, options);
  }

  /** Puts head and foot on every page, ends the document and gives its bytes. */
  async finish(decorate: (page: number, pages: number) => void, prepare?: (doc: Doc, form: Element) => void): Promise<Uint8Array> {
    const dangling = [...this.linked].find((key) => !key.startsWith('placed ') && !this.linked.has(`placed ${key}`));
    if (dangling !== undefined)
      throw new KubevidenceError('defect', `the report links to ${harmless(dangling)}, which it does not contain`);
    const { count } = this.doc.bufferedPageRange();
    for (let page = 0; page < count; page++) {
      this.doc.switchToPage(page);
      this.artifact(() => decorate(page + 1, count), 'Pagination');
    }
    this.doc.switchToPage(0);
    this.doc.font('regular');
    if (prepare !== undefined) {
      const form = this.element('Form');
      prepare(this.doc, form);
      form.end();
    }
    this.root.end();
    this.doc.end();
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.doc) chunks.push(chunk as Uint8Array);
    return Buffer.concat(chunks);
  }

  /** Numbers of one width: pdfkit sorts names by locale, readers search them by byte, and for these both agree. */
  private destinationOf(key: string): string {
    const known = this.places.get(key) ?? `p${String(this.places.size).padStart(7, '0')}`;
    this.places.set(key, known);
    return known;
  }
}

/** Pages are held until they are numbered, and pdfkit keeps each operator in an array of its own, which is ten times its size. */
function joinContent(doc: Doc): void {
  const { content } = doc.page as unknown as { content: { buffer: Uint8Array[] } };
  content.buffer = [Buffer.concat(content.buffer)];
}

/** pdfkit knows the scope of a header cell, not how many columns it spans. */
function spanColumns(element: Element, columns: number): void {
  const { data } = (element as unknown as { dictionary: { data: { A?: Record<string, unknown> } } }).dictionary;
  data.A = { ...data.A, O: 'Table', ColSpan: columns };
}

/** Neighbours of one kind as one piece, so that a line is few text operations and kerning works across words. */
function joinPieces(pieces: readonly Piece[]): Piece[] {
  const runs: Piece[] = [];
  for (const piece of pieces) {
    const last = runs.at(-1);
    if (last !== undefined && last.face === piece.face && last.colour === piece.colour && last.link === piece.link) {
      runs[runs.length - 1] = { ...last, text: last.text + piece.text, width: last.width + piece.width };
    } else runs.push(piece);
  }
  return runs;
}

interface FontkitFont {
  hasGlyphForCodePoint(codePoint: number): boolean;
}

function openFonts(doc: Doc, files: ReportMeta['fonts']): Fonts {
  const { resolve } = createRequire(import.meta.url);
  const opened = new Map<Face, FontkitFont>();
  for (const face of ['regular', 'medium', 'bold', 'mono'] as const) {
    try {
      doc.registerFont(face, resolve(files[face])).font(face);
    } catch (cause) {
      throw new KubevidenceError('configuration', `the font ${files[face]} cannot be used: ${harmless(reasonOf(cause))}`, {
        place: { key: `fonts.${face}` },
        next: 'Name a whole TrueType file in the report definition.',
        cause,
      });
    }
    // The only way to ask pdfkit which glyphs a font has.
    opened.set(face, (doc as unknown as { _font: { font: FontkitFont } })._font.font);
  }
  const widths = new Map<string, number>();
  const glyphs = new Map<string, boolean>();
  return {
    width(text, face) {
      const key = `${face} ${text}`;
      let width = widths.get(key);
      if (width === undefined) {
        width = doc.font(face).fontSize(1000).widthOfString(text) / 1000;
        widths.set(key, width);
      }
      return width;
    },
    has(codePoint, face) {
      const key = `${face} ${codePoint}`;
      let has = glyphs.get(key);
      if (has === undefined) {
        has = opened.get(face)?.hasGlyphForCodePoint(codePoint) === true;
        glyphs.set(key, has);
      }
      return has;
    },
  };
}

/**
 * pdfkit writes the document's information into XML as it is; names of organizations hold `&` and worse. And it knows PDF/A or PDF/UA, not
 * both: the claim of the second is added here, with the description that the first wants of names it does not know itself
 * (ISO 19005-2 section 6.6.2.3; ISO 14289-1 section 5).
 */
function completeMetadata(doc: Doc): void {
  const target = doc as unknown as { info: Record<string, unknown>; _addInfo(): void; appendXML(xml: string): void };
  const write = target._addInfo.bind(target);
  target._addInfo = () => {
    const { info } = target;
    target.info = Object.fromEntries(
      Object.entries(info).map(([key, value]) => [key, typeof value === 'string' ? escapeXml(value) : value]),
    );
    write();
    target.info = info;
    target.appendXML(universalAccess);
  };
}

const universalAccess = `
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"><pdfuaid:part>1</pdfuaid:part></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
  xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>The part of ISO 14289 that the document conforms to</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
`;

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
