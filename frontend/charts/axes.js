/** The grid and the labels of a chart: nodes that stay and are moved, because ticks change far more often than charts. */

/** The parser knows the namespace by heart. */
const SVG = new DOMParser().parseFromString("<svg/>", "text/html").body.firstElementChild?.namespaceURI ?? null;
/** Of the labels, in rem, as the style sheet has it. */
const FONT = 0.78;
/** A digit's width as a share of the font's size, a little generous. */
const DIGIT = 0.62;
/** Between two labels of the time axis, in digits. */
const APART = 1.5;
/** Between what stands in the corner below the value axis and the first label, in rem. */
const CORNER = 0.15;

/** @typedef {{at: number, text: string, line: boolean}} Mark on the value axis; at: pixels from the area's top */

/** @param {string} name @param {string} className @param {Element} parent */
function node(name, className, parent) {
  const made = document.createElementNS(SVG, name);
  made.setAttribute("class", className);
  parent.append(made);
  return made;
}

/** Only what differs is written: an attribute that is set costs style, layout and paint, equal or not. */
class Kept {
  /** @param {Element} element */
  constructor(element) {
    this.element = element;
    /** @type {Record<string, string>} */ this.set = {};
  }

  /** @param {string} name @param {string} value */
  write(name, value) {
    if (this.set[name] === value) return;
    this.set[name] = value;
    if (name === "text") this.element.textContent = value;
    else this.element.setAttribute(name, value);
  }
}

/** Labels that are used again for other ticks; those too many are emptied, not removed. */
class Labels {
  /** @type {Kept[]} */ #kept = [];

  /** @param {Element} parent @param {string} className */
  constructor(parent, className) {
    this.parent = parent;
    this.className = className;
  }

  /** @param {{x: string, y: string, text: string}[]} wanted */
  write(wanted) {
    while (this.#kept.length < wanted.length) this.#kept.push(new Kept(node("text", this.className, this.parent)));
    this.#kept.forEach((label, i) => {
      const { x = "0", y = "0", text = "" } = wanted[i] ?? {};
      label.write("x", x);
      label.write("y", y);
      label.write("text", text);
    });
  }
}

export class Axes {
  #from = NaN;
  #perMs = NaN;
  #ticks = "";

  constructor() {
    this.element = /** @type {SVGElement} */ (document.createElementNS(SVG, "svg"));
    this.element.setAttribute("class", "axes");
    this.element.setAttribute("aria-hidden", "true");
    this.#grid = new Kept(node("path", "grid", this.element));
    this.#zero = new Kept(node("path", "zero", this.element));
    const clip = node("svg", "sliding", this.element);
    this.#clip = new Kept(clip);
    this.#slidingGrid = new Kept(node("path", "grid", clip));
    this.#sliding = new Kept(node("g", "times", this.element));
    this.#times = new Labels(this.#sliding.element, "xtick");
    this.#values = new Labels(node("g", "values", this.element), "ytick");
  }

  /** @type {Kept} */ #grid;
  /** @type {Kept} */ #zero;
  /** @type {Kept} */ #clip;
  /** @type {Kept} */ #slidingGrid;
  /** @type {Kept} */ #sliding;
  /** @type {Labels} */ #times;
  /** @type {Labels} */ #values;

  /** @type {Map<string, string>} */ #fitted = new Map();
  #room = NaN;

  /** As much of a label as there is room for. Few are long enough to be measured, and none of them twice. */
  #fit(text, room, rem) {
    if (text.length * DIGIT * FONT * rem <= room) return text;
    if (room !== this.#room) this.#fitted.clear();
    this.#room = room;
    let fitted = this.#fitted.get(text);
    if (fitted === undefined) {
      const font = `${FONT * rem}px ${getComputedStyle(this.element).fontFamily}`;
      this.#fitted.set(text, (fitted = shortened(text, room, font)));
    }
    return fitted;
  }

  /**
   * @param {{area: {left: number, top: number, width: number, height: number}, rem: number, width: number,
   *          from: number, to: number, xTicks: {value: number, text: string}[], marks: Mark[], zero: number}} wanted
   *   rem: pixels; width: of the whole chart; zero: pixels from the area's top, NaN for none
   */
  draw({ area, rem, width, from, to, xTicks, marks, zero }) {
    const { left, top } = area;
    const across = (at) => `M${left},${crisp(top + at)}h${area.width}`;
    this.#grid.write("d", marks.filter(({ line }) => line).map(({ at }) => across(at)).join("") || "M0,0");
    this.#zero.write("d", Number.isFinite(zero) ? across(zero) : "M0,0");
    const room = left - 0.4 * rem;
    const labels = marks.map(({ at, text }) => ({ y: String(round(top + at)), text: this.#fit(text, room, rem) }));
    this.#values.write(labels.map((label) => ({ x: String(room), ...label })));
    this.#drawTimes({ area, rem, width, from, to, xTicks });
  }

  /** Time only slides: as long as the ticks are the same, one shift moves them all. */
  #drawTimes({ area, rem, width, from, to, xTicks }) {
    const { left, top, height } = area;
    const perMs = area.width / (to - from);
    const place = (value) => (value - this.#from) * perMs;
    const digit = DIGIT * FONT * rem;
    const ticks = roomy(xTicks, (text) => ((text.length + APART) * digit) / perMs);
    const fits = ({ value, text }) => {
      const [middle, half] = [left + (value - from) * perMs, (text.length * digit) / 2];
      return middle + half <= width && middle - half >= left - CORNER * rem;
    };
    const shown = ticks.filter(fits);
    const lines = ticks.map(({ value }) => value);
    const signature = [perMs, left, top, height, rem, shown.length, ...lines, shown[0]?.value, shown.at(-1)?.text].join("|");
    if (signature !== this.#ticks) {
      this.#ticks = signature;
      this.#from = from;
      this.#perMs = perMs;
      this.#clip.write("x", String(left));
      this.#clip.write("y", String(top));
      this.#clip.write("width", String(area.width));
      this.#clip.write("height", String(height));
      this.#slidingGrid.write("d", lines.map((value) => `M${round(place(value))},0v${height}`).join("") || "M0,0");
      const y = String(round(top + height + 1.25 * rem));
      this.#times.write(shown.map(({ value, text }) => ({ x: String(round(left + place(value))), y, text })));
    }
    const shift = `translate(${round((this.#from - from) * this.#perMs)},0)`;
    this.#slidingGrid.write("transform", shift);
    this.#sliding.write("transform", shift);
  }
}

/** @type {CanvasRenderingContext2D|null} */ let pen = null;

/**
 * A text without its middle, if need be: names of many rows differ at their ends.
 *
 * @param {string} text @param {number} room pixels @param {string} font as CSS has it
 */
function shortened(text, room, font) {
  pen ??= document.createElement("canvas").getContext("2d");
  if (!pen) return text;
  pen.font = font;
  const letters = [...text];
  let shown = text;
  for (let kept = letters.length - 1; kept > 1 && pen.measureText(shown).width > room; kept -= 1) {
    const [head, tail] = [letters.slice(0, Math.ceil(kept / 2)), letters.slice(-Math.floor(kept / 2))];
    shown = `${head.join("").trimEnd()}…${tail.join("").trimStart()}`;
  }
  return shown;
}

const round = (pixels) => Math.round(pixels * 100) / 100;
/** A hairline that is not smeared over two rows of pixels. */
const crisp = (pixels) => Math.round(pixels - 0.5) + 0.5;

/**
 * Ticks whose labels do not touch. Which are left out depends on their time alone, so that none comes and goes as they
 * slide.
 *
 * @param {{value: number, text: string, n?: number}[]} ticks about evenly spaced @param {(text: string) => number} needed ms of a label
 */
function roomy(ticks, needed) {
  if (ticks.length < 2) return ticks;
  const step = ticks[1].value - ticks[0].value;
  const widest = ticks.reduce((most, { text }) => (text.length > most.length ? text : most), "");
  const every = Math.ceil(needed(widest) / step);
  return every > 1 ? ticks.filter(({ value, n = Math.round(value / step) }) => n % every === 0) : ticks;
}

/**
 * Every so many-th, so that at most `most` are left.
 *
 * @template T
 * @param {T[]} list @param {number} most @returns {T[]}
 */
export function thinned(list, most) {
  const step = Math.max(1, Math.ceil(list.length / Math.max(1, Math.floor(most))));
  return list.filter((_, i) => i % step === 0);
}
