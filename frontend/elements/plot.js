/** `<vital-plot>`: draws a picture with Plotly, the only place that calls it. */

import { areaPath, areaPoints, linePath, placesOf } from "../core/path.js";
import { formatValue } from "../core/format.js";
import { loadPlotly } from "./plotly.js";

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
const MARGIN = Object.freeze({ l: 4.9, r: 0.5, t: 0.65, b: 1.75 });
/** Bands have no line to draw; this is for their sign in the hover label. Their own is hidden by the style sheet. */
const SWATCH = 3;
const CLEAR = "rgba(0,0,0,0)";
/** From the axes to their labels, in rem. */
const TICK = 0.4;

/**
 * Plotly draws axes, grid, hover and the first lines. From then on each tick only rewrites the paths'
 * `d` and shifts the time ticks, which costs a tenth of a redraw; a full `react` comes when the ranges'
 * height, the size, the ticks, the colours or the lines change, and while a pointer wants hover labels.
 *
 * Event: `resized` when the drawing area changed and a new picture is wanted.
 */
export class VitalPlot extends HTMLElement {
  /** @type {any} */ #plotly = null;
  /** @type {HTMLElement|null} */ #graph = null;
  /** @type {ResizeObserver|null} */ #resizes = null;
  #width = 0;
  #height = 0;
  #rem = 16;
  #margin = { l: 0, r: 0, t: 0, b: 0, pad: 0 };
  #pointed = false;
  #busy = false;
  #loading = false;
  #drawn = "";
  #from = NaN;
  /** @type {any} */ #waiting = null;
  /** @type {{line: Element|null, area: Element|null}[]} */ #nodes = [];
  /** @type {Element[]} */ #timeTicks = [];

  /** How often each way of drawing was taken. */
  counts = { full: 0, live: 0 };

  connectedCallback() {
    this.#graph = document.createElement("div");
    this.#graph.className = "graph";
    this.append(this.#graph);
    this.#resizes = new ResizeObserver(() => this.#measure());
    this.#resizes.observe(this);
    this.addEventListener("pointerenter", this.#entered);
    this.addEventListener("pointerleave", this.#left);
    scheme.addEventListener("change", this.#recoloured);
    this.#measure();
  }

  disconnectedCallback() {
    scheme.removeEventListener("change", this.#recoloured);
    this.removeEventListener("pointerleave", this.#left);
    this.removeEventListener("pointerenter", this.#entered);
    this.#resizes?.disconnect();
    this.#resizes = null;
    if (this.#drawn) this.#plotly.purge(this.#graph);
    this.#graph?.remove();
    this.#graph = null;
    this.#drawn = "";
    this.#nodes = [];
    this.#timeTicks = [];
  }

  /** The drawing area in pixels. */
  get area() {
    const { l, r, t, b } = this.#margin;
    return { width: Math.max(1, this.#width - l - r), height: Math.max(1, this.#height - t - b) };
  }

  /** Draws, now or as soon as Plotly is there. @param {ReturnType<import("../core/picture.js").pictureOf>} picture */
  draw(picture) {
    this.#waiting = picture;
    if (this.#plotly) this.#flush();
    else this.#load();
  }

  async #load() {
    if (this.#loading) return;
    this.#loading = true;
    try {
      this.#plotly = await loadPlotly();
      this.#flush();
    } catch (error) {
      this.#loading = false;
      this.dispatchEvent(new CustomEvent("failed", { detail: error }));
    }
  }

  /** Whether a full drawing is under way. */
  get busy() {
    return this.#busy;
  }

  /** The next picture is drawn in full, whatever has changed. */
  invalidate() {
    this.#drawn = this.#drawn && "again";
  }

  #entered = (event) => {
    if (event.pointerType === "touch") return;
    this.#pointed = true;
    this.dispatchEvent(new Event("resized"));
  };

  #left = () => {
    this.#pointed = false;
  };

  #recoloured = () => {
    this.invalidate();
    this.dispatchEvent(new Event("resized"));
  };

  #measure() {
    const { clientWidth, clientHeight } = this;
    if (clientWidth === this.#width && clientHeight === this.#height) return;
    this.#rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const { l, r, t, b } = MARGIN;
    const pixels = (rem) => Math.round(rem * this.#rem);
    this.#margin = { l: pixels(l), r: pixels(r), t: pixels(t), b: pixels(b), pad: 0 };
    this.#width = clientWidth;
    this.#height = clientHeight;
    this.dispatchEvent(new Event("resized"));
  }

  #flush() {
    const picture = this.#waiting;
    if (!picture || !this.#plotly || this.#busy || !this.#graph || this.#width < 80 || this.#height < 60) return;
    this.#waiting = null;
    const signature = this.#signature(picture);
    if (this.#pointed || signature !== this.#drawn || !this.#drawLive(picture)) this.#drawFull(picture, signature);
  }

  /** All that the live path cannot change. */
  #signature({ shapes, low, high, xTicks, yTicks }) {
    const lines = shapes.map(({ key, down, color }) => `${key}${down ? "-" : "+"}${color}`);
    const times = xTicks.map(({ value }) => value);
    return [this.#width, this.#height, low, high, yTicks.length, times, lines].join("|");
  }

  #drawFull(picture, signature) {
    this.#busy = true;
    this.counts.full += 1;
    const graph = /** @type {HTMLElement} */ (this.#graph);
    const drawn = this.#plotly.react(graph, this.#traces(picture), this.#layout(picture), CONFIG);
    Promise.resolve(drawn).then(() => {
      this.#busy = false;
      if (this.#graph !== graph) return;
      this.#drawn = signature;
      this.#from = picture.from;
      this.#find(picture);
      this.#flush();
    });
  }

  /** @returns {boolean} false where Plotly's own elements are not as expected */
  #drawLive(picture) {
    const { times, shapes, from, to, low, high } = picture;
    const size = this.area;
    const places = placesOf(times, (time) => ((time - from) / (to - from)) * size.width);
    const y = (value) => ((high - value) / (high - low)) * size.height;
    const paths = shapes.map(({ top, base, width }) => ({
      line: width > 0 ? linePath(places, top, y) : "",
      area: areaPath(places, top, base, y),
    }));
    for (let i = 0; i < paths.length; i += 1) {
      const { line, area } = this.#nodes[i] ?? { line: null, area: null };
      if ((paths[i].line && !line) || (paths[i].area && !area)) return false;
    }
    paths.forEach((path, i) => {
      this.#nodes[i].line?.setAttribute("d", path.line || "M0,0");
      this.#nodes[i].area?.setAttribute("d", path.area || "M0,0Z");
    });
    const shift = ((this.#from - from) / (to - from)) * size.width;
    for (const ticks of this.#timeTicks) ticks.setAttribute("transform", `translate(${shift.toFixed(2)},0)`);
    this.counts.live += 1;
    return true;
  }

  /** Remembers the elements that the live path rewrites, as Plotly has just made them. */
  #find({ shapes }) {
    const graph = /** @type {HTMLElement} */ (this.#graph);
    this.#nodes = shapes.map((_, i) => {
      const [line, ...more] = graph.querySelectorAll(`.traceline${i} path.js-line, .traceedge${i} path.js-line`);
      // Plotly draws a path for each stretch between gaps; the live path draws them all in one.
      if (line && more.length) {
        line.setAttribute("d", [line, ...more].map((path) => path.getAttribute("d")).join(""));
        for (const path of more) path.setAttribute("d", "M0,0");
      }
      return { line: line ?? null, area: graph.querySelector(`.tracearea${i} path.js-fill`) };
    });
    this.#timeTicks = [...graph.querySelectorAll(".xaxislayer-above, .gridlayer > .x")];
    for (const ticks of this.#timeTicks) ticks.removeAttribute("transform");
  }

  #traces({ times, shapes, unit }) {
    const x = Array.from(times);
    const areas = shapes.map(({ color, top, base, fill }, i) => ({
      ...areaPoints(times, top, base),
      uid: `area${i}`,
      type: "scatter",
      mode: "lines",
      line: { width: 0, simplify: false },
      fill: "toself",
      fillcolor: faded(this.#color(color), fill),
      hoverinfo: "skip",
    }));
    const lines = shapes.map(({ label, color, top, value, width }, i) => ({
      x,
      y: Array.from(top),
      // The style sheet hides the lines of bands by this name.
      uid: `${width ? "line" : "edge"}${i}`,
      type: "scatter",
      mode: "lines",
      name: label,
      line: { color: this.#color(color), width: width || SWATCH, simplify: false },
      customdata: this.#pointed ? Array.from(value, (one) => formatValue(one, unit)) : undefined,
      hovertemplate: `${escaped(label)}  <b>%{customdata}</b><extra></extra>`,
    }));
    // The hover label lists the uppermost band first, as the legend does.
    return [...areas, ...lines.reverse()];
  }

  #layout({ from, to, low, high, xTicks, yTicks }) {
    const style = getComputedStyle(this);
    const ink = style.getPropertyValue("--ink-soft").trim();
    const grid = style.getPropertyValue("--grid").trim();
    const font = { family: style.fontFamily, size: 0.78 * this.#rem, color: ink };
    // A label of the time axis that is past the edge now is moved into view by the live path later.
    const axis = {
      ticklabeloverflow: "allow",
      fixedrange: true,
      showline: false,
      ticks: "outside",
      ticklen: TICK * this.#rem,
      tickcolor: CLEAR,
      gridcolor: grid,
      gridwidth: 1,
      tickfont: font,
    };
    return {
      width: this.#width,
      height: this.#height,
      margin: this.#margin,
      paper_bgcolor: CLEAR,
      plot_bgcolor: CLEAR,
      font,
      showlegend: false,
      dragmode: false,
      hovermode: this.#pointed ? "x unified" : false,
      hoverlabel: {
        bgcolor: style.getPropertyValue("--surface-raised").trim(),
        bordercolor: style.getPropertyValue("--edge").trim(),
        font: { ...font, color: style.getPropertyValue("--ink").trim() },
      },
      xaxis: {
        ...axis,
        type: "date",
        range: [from, to],
        tickmode: "array",
        tickvals: xTicks.map(({ value }) => value),
        ticktext: xTicks.map(({ text }) => text),
        tickangle: 0,
        hoverformat: "%H:%M:%S",
        showspikes: this.#pointed,
        spikemode: "across",
        spikethickness: 1,
        spikedash: "solid",
        spikecolor: ink,
      },
      yaxis: {
        ...axis,
        range: [low, high],
        tickmode: "array",
        tickvals: yTicks.map(({ value }) => value),
        ticktext: yTicks.map(({ text }) => text),
        zeroline: true,
        zerolinecolor: style.getPropertyValue("--axis").trim(),
        zerolinewidth: 1,
      },
    };
  }

  #color(number) {
    return getComputedStyle(this).getPropertyValue(`--c${number}`).trim();
  }
}

const scheme = globalThis.matchMedia("(prefers-color-scheme: dark)");

/** Plotly reads a little markup in labels; a device's name is none. */
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/%/g, "&#37;");

/** `#rrggbb` with an opacity. */
function faded(color, opacity) {
  const part = (at) => Number.parseInt(color.slice(at, at + 2), 16);
  return `rgba(${part(1)},${part(3)},${part(5)},${opacity})`;
}
