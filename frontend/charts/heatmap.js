/** The cells of a heatmap, and a canvas that shows them: one pixel a row, stretched by the style sheet. */

import { mixed } from "./colors.js";

const SHADES = 256;
/** The length of a single reading's cell. */
const ALONE_MS = 1000;

/**
 * Where each reading's cell begins and ends: a reading is about the time since the one before. After a hole a cell is as
 * long as the closest readings are apart, so that a hole keeps its length.
 *
 * @param {Float64Array} times rising @param {{value: Float64Array}[]} rows NaN throughout in a hole
 * @returns {{edges: number[], columns: number[]}} one edge more than columns; a column is the index of its reading,
 *   -1 for a hole
 */
export function cellsOf(times, rows) {
  const known = Array.from(times.keys()).filter((i) => rows.some(({ value }) => value[i] === value[i]));
  let spacing = Infinity;
  for (let k = 1; k < known.length; k += 1) spacing = Math.min(spacing, times[known[k]] - times[known[k - 1]]);
  if (!(spacing > 0 && spacing < Infinity)) spacing = ALONE_MS;
  const edges = [];
  const columns = [];
  known.forEach((i, k) => {
    if (k === 0 || known[k - 1] !== i - 1) {
      if (k > 0) columns.push(-1);
      edges.push(times[i] - spacing);
    }
    columns.push(i);
    edges.push(times[i]);
  });
  return { edges, columns };
}

/** The ramp's shades as bytes, for the canvas. @param {import("./colors.js").Color[]} ramp */
function shadesOf(ramp) {
  const bytes = new Uint8ClampedArray(SHADES * 4);
  for (let i = 0; i < SHADES; i += 1) {
    const [red, green, blue] = mixed(ramp, i / (SHADES - 1));
    bytes.set([red, green, blue, 255], i * 4);
  }
  return new Uint32Array(bytes.buffer);
}

export class HeatCanvas {
  constructor() {
    this.element = document.createElement("canvas");
    this.element.className = "heat";
    this.element.hidden = true;
    this.#context = /** @type {CanvasRenderingContext2D} */ (this.element.getContext("2d"));
  }

  /** @type {CanvasRenderingContext2D} */ #context;
  /** @type {ImageData|null} */ #image = null;
  /** @type {Uint32Array} */ #shades = new Uint32Array(SHADES);

  /** @param {import("./colors.js").Color[]} ramp */
  recolour(ramp) {
    this.#shades = shadesOf(ramp);
  }

  /** @param {{left: number, top: number, width: number, height: number}} area */
  place({ left, top, width, height }) {
    const { style } = this.element;
    Object.assign(style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  }

  /** @param {any} model @param {number} width of the area in pixels */
  paint({ times, rows, from, to, low, high }, width) {
    const wide = Math.max(1, Math.round(width * globalThis.devicePixelRatio));
    const { element } = this;
    if (!this.#image || element.width !== wide || element.height !== rows.length) {
      element.width = wide;
      element.height = rows.length;
      this.#image = new ImageData(wide, rows.length);
    }
    const pixels = new Uint32Array(this.#image.data.buffer);
    pixels.fill(0);
    const { edges, columns } = cellsOf(times, rows);
    const at = (time) => Math.min(wide, Math.max(0, Math.round(((time - from) / (to - from)) * wide)));
    const scale = (SHADES - 1) / (high - low || 1);
    columns.forEach((column, k) => {
      if (column < 0) return;
      const [start, end] = [at(edges[k]), at(edges[k + 1])];
      for (let row = 0; row < rows.length; row += 1) {
        const value = rows[row].value[column];
        if (value !== value) continue;
        const shade = Math.min(SHADES - 1, Math.max(0, Math.round((value - low) * scale)));
        pixels.fill(this.#shades[shade], row * wide + start, row * wide + end);
      }
    });
    this.#context.putImageData(this.#image, 0, 0);
    element.hidden = false;
  }
}
