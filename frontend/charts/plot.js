/** `<vital-plot>`: draws a chart model with Plotly, the only place that calls it. */

import { formatTick } from "./model/format.js";
import { Axes, thinned } from "./axes.js";
import { colorsOf, onRecolour } from "./colors.js";
import { figureOf } from "./plotly_figure.js";
import { HeatCanvas } from "./heatmap.js";
import { h, setText } from "../dom/html.js";
import { LiveLines } from "./live_lines.js";
import { loadPlotly } from "./plotly.js";
import { pngFigureOf } from "./png_figure.js";

const CONFIG = Object.freeze({
  showSendToCloud: false,
  plotlyServerURL: "",
  displaylogo: false,
  displayModeBar: false,
  doubleClick: false,
  showTips: false,
  responsive: false,
});
/** Room for the labels of the axes, in rem. */
const MARGINS = Object.freeze({
  lines: { l: 4.9, r: 0.5, t: 0.65, b: 1.75 },
  heatmap: { l: 4.9, r: 0.5, t: 1.7, b: 1.75 },
});
/** Narrower, a chart has no labels beside it, and lower none below it: the little room is the chart's. In rem. */
const LABELLED = Object.freeze({ width: 17, height: 6 });
const WIDTH_MIN = 80;
const HEIGHT_MIN = 60;
const COLORS = Object.freeze([
  ...["surface", "ink", "ink-soft", "grid", "axis"],
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((number) => [`c${number}`, `c${number}-down`]),
  ...["heat-0", "heat-1", "heat-2", "heat-3", "heat-4"],
]);
const RAMP = Object.freeze(["heat-0", "heat-1", "heat-2", "heat-3", "heat-4"]);

/** @typedef {any} ChartModel as `charts/model/chart_model.js` makes them: of kind "lines" or "heatmap" */

/**
 * Plotly draws each figure once. From then on a tick only rewrites what it drew: lines' paths, a heatmap's cells, the
 * grid and the labels, which costs a tenth of a redraw. A full one comes when the size, the colours or the lines
 * change.
 *
 * Events: `drawn` after each drawing; `resized` when a new model is wanted, because the drawing area or the colours
 * changed; `failed` with the error, when Plotly could not be loaded or could not draw.
 */
export class VitalPlot extends HTMLElement {
  /** @type {any} */ #plotly = null;
  /** @type {HTMLElement|null} */ #graph = null;
  /** @type {HTMLElement} */ #ramp;
  /** @type {Axes|null} */ #axes = null;
  /** @type {HeatCanvas|null} */ #heat = null;
  /** @type {LiveLines|null} */ #lines = null;
  /** @type {ResizeObserver|null} */ #resizes = null;
  #stopWatching = () => {};
  #width = 0;
  #height = 0;
  #rem = 16;
  /** @type {keyof typeof MARGINS} */ #kind = "lines";
  #busy = false;
  #loading = false;
  #drawn = "";
  /** The colours have changed since. */ #stale = false;
  /** @type {Record<string, import("./colors.js").Color>|null} */ #colors = null;
  /** @type {ChartModel|null} to be drawn next */ #waiting = null;
  /** @type {ChartModel|null} what is seen */ #shown = null;

  /** How often each way of drawing was taken. */
  counts = { full: 0, live: 0 };

  connectedCallback() {
    this.#graph = h("div", { class: "graph" });
    this.#axes = new Axes();
    this.#heat = new HeatCanvas();
    this.#ramp = h("div", { class: "ramp", "aria-hidden": "true", hidden: true }, h("span"), h("i"), h("span"));
    this.append(this.#axes.element, this.#graph, this.#heat.element, this.#ramp);
    this.#resizes = new ResizeObserver(() => this.measure());
    this.#resizes.observe(this);
    this.#stopWatching = onRecolour(() => this.#recoloured());
    this.measure();
  }

  disconnectedCallback() {
    this.#stopWatching();
    this.#resizes?.disconnect();
    if (this.#drawn || this.#busy) this.#plotly.purge(this.#graph);
    this.replaceChildren();
    this.#waiting ??= this.#shown;
    this.#graph = this.#axes = this.#heat = this.#lines = this.#resizes = this.#shown = null;
    this.#width = this.#height = 0;
    this.#busy = false;
    this.#drawn = "";
  }

  /** The drawing area of the model that was given last, in pixels from this element's corner. */
  get area() {
    const { l, r, t, b } = this.#margin;
    return { left: l, top: t, width: Math.max(1, this.#width - l - r), height: Math.max(1, this.#height - t - b) };
  }

  /** The time that is drawn, Unix ms; null where nothing is. */
  get window() {
    const model = this.#shown;
    return model && { from: model.from, to: model.to };
  }

  /** How long the step is that the point of a moment stands for, in ms; 0 for samples. @param {number} time Unix ms */
  stepAt(time) {
    return this.#shown?.stepAt?.(time) ?? 0;
  }

  /** @returns {{from: number, to: number, why: string}[]} the holes in what is drawn */
  get breaks() {
    return this.#shown?.breaks ?? [];
  }

  /** What is drawn, null where nothing is. @returns {ChartModel|null} */
  get model() {
    return this.#shown;
  }

  /** Whether a full drawing is under way. */
  get busy() {
    return this.#busy;
  }

  /** Draws, now or as soon as Plotly is there. @param {ChartModel} model */
  draw(model) {
    this.#kind = model.kind ?? "lines";
    this.#waiting = model;
    if (this.#plotly) this.#flush();
    else this.#load();
  }

  /** The next model is drawn in full, in the colours of then. */
  invalidate() {
    this.#colors = null;
    this.#stale = true;
  }

  /**
   * What is drawn as an image that stands alone, in the page's present colours.
   *
   * @param {import("./png_figure.js").About & {scale?: number}} options scale: its pixels for each of the page's
   * @returns {Promise<Blob>} Raises an Error while nothing is drawn.
   */
  async png({ scale = 2, ...about }) {
    const model = this.#shown;
    if (!model) throw new Error("there is nothing to save yet");
    const { data, layout } = pngFigureOf(model, this.#look(), about);
    const options = { format: "png", width: layout.width, height: layout.height, scale, imageDataOnly: true };
    const base64 = await this.#plotly.toImage({ data, layout, config: CONFIG }, options);
    return new Blob([Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0))], { type: "image/png" });
  }

  async #load() {
    if (this.#loading) return;
    this.#loading = true;
    try {
      this.#plotly = await loadPlotly();
      this.#flush();
    } catch (error) {
      this.dispatchEvent(new CustomEvent("failed", { detail: error }));
    } finally {
      this.#loading = false;
    }
  }

  #recoloured() {
    this.invalidate();
    this.dispatchEvent(new Event("resized"));
  }

  get #margin() {
    const rem = MARGINS[this.#kind];
    const pixels = (side) => Math.round(rem[side] * this.#rem);
    const { narrow, low } = this.#tight;
    return { l: pixels(narrow || low ? "r" : "l"), r: pixels("r"), t: low ? 1 : pixels("t"), b: low ? 1 : pixels("b") };
  }

  /** Whether it is too narrow for labels beside it, and too low for any below it. */
  get #tight() {
    return { narrow: this.#width < LABELLED.width * this.#rem, low: this.#height < LABELLED.height * this.#rem };
  }

  /** Takes in its present size; else that happens when the browser has laid the page out. */
  measure() {
    const { clientWidth, clientHeight } = this;
    if (clientWidth === this.#width && clientHeight === this.#height) return;
    this.#rem = parseFloat(getComputedStyle(this).fontSize);
    this.#width = clientWidth;
    this.#height = clientHeight;
    const { narrow, low } = this.#tight;
    this.classList.toggle("narrow", narrow);
    this.classList.toggle("low", low);
    this.#flush();
    this.dispatchEvent(new Event("resized"));
  }

  #flush() {
    const model = this.#waiting;
    if (!model || !this.#plotly || this.#busy || !this.#graph) return;
    if (this.#width < WIDTH_MIN || this.#height < HEIGHT_MIN) return;
    this.#waiting = null;
    const signature = this.#signature(model);
    const live = !this.#stale && signature === this.#drawn && this.#lines?.complete !== false;
    if (live) this.#drawLive(model);
    else this.#drawFull(model, signature);
  }

  /** All that the live path cannot change. */
  #signature(model) {
    const common = [model.kind, this.#width, this.#height, this.#rem];
    if (model.kind === "heatmap") return [...common, model.rows.length].join("|");
    const shapes = model.shapes.map(({ color, down, width, fill }) => `${color} ${down} ${width} ${fill}`);
    return [...common, Number.isFinite(model.reference), ...shapes].join("|");
  }

  async #drawFull(model, signature) {
    const graph = /** @type {HTMLElement} */ (this.#graph);
    this.#busy = true;
    this.counts.full += 1;
    this.#stale = false;
    const look = this.#look();
    this.#dress(model, look);
    try {
      const { data, layout } = figureOf(model, look);
      await this.#plotly.react(graph, data, layout, CONFIG);
    } catch (error) {
      if (this.#graph !== graph) return;
      this.#busy = false;
      this.#drawn = "";
      this.dispatchEvent(new CustomEvent("failed", { detail: error }));
      return;
    }
    // Removed meanwhile, and perhaps added again with another graph.
    if (this.#graph !== graph) return;
    this.#busy = false;
    this.#drawn = signature;
    this.#lines = model.kind === "lines" ? new LiveLines(graph, model) : null;
    this.#lines?.drawExtras(model, this.area);
    this.#finish(model);
    this.#flush();
  }

  #drawLive(model) {
    this.counts.live += 1;
    if (model.kind === "lines") this.#lines?.draw(model, this.area);
    if (model.kind === "heatmap") {
      this.#heat?.paint(model, this.area.width);
      this.#graph?.classList.add("covered");
    }
    this.#finish(model);
  }

  /** What goes with both ways of drawing. */
  #finish(model) {
    this.#shown = model;
    this.#drawAxes(model);
    this.dispatchEvent(new Event("drawn"));
  }

  /** Settles what only a full drawing changes around the graph. */
  #dress({ kind }, look) {
    const heat = /** @type {HeatCanvas} */ (this.#heat);
    heat.element.hidden = true;
    this.#graph?.classList.remove("covered");
    this.#ramp.hidden = kind !== "heatmap";
    if (kind === "heatmap") {
      heat.recolour(RAMP.map((name) => look.colors[name]));
      heat.place(this.area);
    }
  }

  #drawAxes({ kind, from, to, xTicks, yTicks, rows, low, high, unit }) {
    const { area } = this;
    const place = (value) => ((high - value) / (high - low || 1)) * area.height;
    let marks;
    if (kind === "heatmap") {
      const labels = rows.map(({ label }, i) => ({ at: ((i + 0.5) / rows.length) * area.height, text: label, line: false }));
      marks = thinned(labels, area.height / (1.1 * this.#rem));
      const [least, , most] = this.#ramp.children;
      setText(least, formatTick(low, unit));
      setText(most, formatTick(high, unit));
    } else {
      marks = yTicks.map(({ value, text }) => ({ at: place(value), text, line: true }));
    }
    const zero = kind === "lines" && low <= 0 && high >= 0 ? place(0) : NaN;
    this.#axes?.draw({ area, rem: this.#rem, width: this.#width, from, to, xTicks, marks, zero });
  }

  /** @returns {import("./plotly_figure.js").Look} */
  #look() {
    this.#colors ??= colorsOf(this, COLORS);
    return {
      width: this.#width,
      height: this.#height,
      margin: this.#margin,
      rem: this.#rem,
      family: getComputedStyle(this).fontFamily,
      colors: this.#colors,
    };
  }
}
