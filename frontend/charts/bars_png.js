/** A list of bars as an image that stands alone, opaque and in the page's colours: drawn on a canvas, as it needs no chart. */

import { colorsOf, cssOf } from "./colors.js";
import { barSpans, headWords, shortened } from "./model/bars_picture.js";

const COLORS = Object.freeze([...["surface", "ink", "ink-soft", "grid", "warn", "bad"], ...[0, 1, 2, 3, 4, 5, 6, 7, 8].map((number) => `c${number}`)]);
/** In rem. */
const WIDTH_MIN = 40;
const EDGE = 1.2;
const HEAD = 3.6;
const BAR = Object.freeze({ words: 1.3, thick: 0.7, trend: 1.1, space: 0.9 });
const SIZE = Object.freeze({ title: 1.1, text: 0.82, small: 0.76 });

/**
 * @param {HTMLElement} element whose colours, type and width it has @param {import("./model/chart_model.js").BarsModel} model
 * @param {import("./png_figure.js").About} about @param {number} scale its pixels for each of the page's
 * @returns {Promise<Blob>}
 */
export function pngOfBars(element, { bars }, about, scale) {
  const rem = parseFloat(getComputedStyle(element).fontSize);
  const trends = bars.some(({ trend }) => trend);
  const each = (BAR.words + BAR.thick + BAR.space + (trends ? BAR.trend : 0)) * rem;
  const width = Math.max(WIDTH_MIN * rem, element.clientWidth);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round((HEAD * rem + bars.length * each + EDGE * rem) * scale);
  const pen = new Pen(/** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")), element, rem);
  pen.context.scale(scale, scale);
  pen.rect(0, 0, width, canvas.height / scale, "surface");
  pen.head(about);
  const place = { left: EDGE * rem, width: width - 2 * EDGE * rem };
  bars.forEach((bar, i) => pen.bar(bar, { ...place, top: HEAD * rem + i * each }));
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the browser has no room for it"))), "image/png"));
}

class Pen {
  constructor(context, element, rem) {
    this.context = context;
    this.#rem = rem;
    this.#family = getComputedStyle(element).fontFamily;
    this.#colors = colorsOf(element, COLORS);
    context.textBaseline = "middle";
  }

  #rem;
  #family;
  /** @type {Record<string, import("./colors.js").Color>} */ #colors;

  rect(left, top, width, height, color, strength = 1) {
    this.context.fillStyle = cssOf(this.#colors[color], strength);
    this.context.fillRect(left, top, width, height);
  }

  head({ title, host = "", numbers = [] }) {
    const left = EDGE * this.#rem;
    const middle = 1.5 * this.#rem;
    const words = headWords(numbers);
    this.#text(title, left, middle, { size: SIZE.title, color: "ink", weight: 700 });
    const end = left + this.context.measureText(title).width + this.#rem;
    this.#text(words, end, middle, { size: SIZE.title, color: "ink" });
    this.#text(host, left, middle + 1.3 * this.#rem, { size: SIZE.text, color: "ink-soft" });
  }

  bar({ label, text, parts, level, trend }, { left, top, width }) {
    const alarm = { critical: "bad", warning: "warn" }[level] ?? "";
    const middle = top + (BAR.words / 2) * this.#rem;
    this.#text(text, left + width, middle, { size: SIZE.text, color: alarm || "ink-soft", align: "right" });
    const room = width - this.context.measureText(text).width - this.#rem;
    const measure = (words) => this.context.measureText(words).width;
    this.#text(shortened(label, room, measure), left, middle, { size: SIZE.text, color: "ink" });
    const [bar, thick] = [top + BAR.words * this.#rem, BAR.thick * this.#rem];
    this.rect(left, bar, width, thick, "grid");
    for (const { from, to, color, strength } of barSpans(parts, alarm)) this.rect(left + from * width, bar, (to - from) * width, thick, color, strength);
    if (trend) this.#text(trend, left, bar + thick + 0.7 * this.#rem, { size: SIZE.small, color: "ink-soft" });
  }

  #text(words, x, y, { size, color, weight = 400, align = "left" }) {
    const { context } = this;
    context.font = `${weight} ${size * this.#rem}px ${this.#family}`;
    context.textAlign = /** @type {CanvasTextAlign} */ (align);
    context.fillStyle = cssOf(this.#colors[color]);
    context.fillText(words, x, y);
  }
}
