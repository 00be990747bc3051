/** Chart models as figures of the charting library: what `plot.js` has drawn in full. Pure but for the measuring of words. */

import { areaPoints } from "./model/svg_path.js";
import { cssOf } from "./colors.js";
import { cellsOf } from "./heatmap.js";

const CLEAR = "rgba(0,0,0,0)";
/** The level that a chart is compared with. */
const REFERENCE = Object.freeze({ width: 1.5, dash: "6px,4px" });
/** What follows a bar's first part. */
const LATER_PART = 0.45;
/** Of one bar, in rem: its words, itself, the space to the next; and how much of it they may grow to where there is room. */
const BAR = Object.freeze({ words: 1.3, thick: 0.55, space: 0.85, trend: 0.75, growth: 1.5 });

/**
 * @typedef {object} Look how a figure is to look
 * @property {number} width @property {number} height of the whole figure in pixels
 * @property {{l: number, r: number, t: number, b: number}} margin
 * @property {number} rem
 * @property {string} family
 * @property {Record<string, import("./colors.js").Color>} colors
 */

/** @param {any} model @param {Look} look @returns {{data: any[], layout: any}} without labels of the axes */
export function figureOf(model, look) {
  const { width, height, margin } = look;
  const layout = {
    width,
    height,
    margin: { ...margin, pad: 0 },
    paper_bgcolor: CLEAR,
    plot_bgcolor: CLEAR,
    font: { family: look.family, size: 0.78 * look.rem, color: cssOf(look.colors["ink-soft"]) },
    showlegend: false,
    dragmode: false,
    hovermode: false,
  };
  const { data, x, y, more = {} } = parts[model.kind](model, look);
  const axis = { visible: false, fixedrange: true, type: "linear" };
  return { data, layout: { ...layout, ...more, xaxis: { ...axis, range: x }, yaxis: { ...axis, range: y } } };
}

const parts = {
  lines(model, look) {
    return { data: lineTraces(model, look), x: [model.from, model.to], y: [model.low, model.high] };
  },
  heatmap(model, look) {
    const x = [model.from, model.to];
    return { data: [heatTrace(model, look)], x, y: [Math.max(1, model.rows.length), 0] };
  },
  bars(model, look) {
    const { l, r, t, b } = look.margin;
    const area = { width: look.width - l - r, height: look.height - t - b };
    const data = [...barTraces(model, look), ...barWords(model, look, area)];
    return { data, x: [0, 1], y: [area.height, 0], more: { barmode: "overlay" } };
  },
};

/** Points for a trace that has none, so that it has a path all the same. */
const nowhere = ({ from, low }) => ({ x: [from, from], y: [low, low] });

/** Areas first, their lines above them, the reference on top; found again by their `uid`. */
function lineTraces(model, { colors }) {
  const { times, shapes, from, to, reference } = model;
  const x = Array.from(times);
  const seen = new Set();
  const named = (shape) => {
    const again = seen.has(shape.key);
    seen.add(shape.key);
    return { name: escaped(shape.label), legendgroup: shape.key, showlegend: !again };
  };
  const areas = [];
  const lines = [];
  shapes.forEach((shape, i) => {
    const color = colors[`c${shape.color}${shape.down ? "-down" : ""}`];
    const common = { type: "scatter", mode: "lines" };
    const words = named(shape);
    if (shape.fill > 0) {
      const points = areaPoints(times, shape.top, shape.base);
      areas.push({
        ...common,
        ...(points.x.length > 1 ? points : nowhere(model)),
        ...words,
        showlegend: words.showlegend && !(shape.width > 0),
        uid: `area${i}`,
        // No line of its own: not even one without width.
        mode: "none",
        fill: "toself",
        fillcolor: cssOf(color, shape.fill),
      });
    }
    if (shape.width > 0) {
      const some = shape.top.some((value, k) => value === value && shape.top[k + 1] === shape.top[k + 1]);
      const points = some ? { x, y: Array.from(shape.top) } : nowhere(model);
      const line = { color: cssOf(color), width: shape.width, simplify: false };
      lines.push({ ...common, ...points, ...words, uid: `line${i}`, line });
    }
  });
  const level = reference === reference && reference !== undefined;
  if (level) {
    lines.push({
      type: "scatter",
      mode: "lines",
      uid: "reference",
      x: [from, to],
      y: [reference, reference],
      line: { color: cssOf(colors["ink-soft"]), ...REFERENCE, simplify: false },
      showlegend: false,
    });
  }
  return [...areas, ...lines];
}

const colorScale = (colors) => [0, 1, 2, 3, 4].map((step) => [step / 4, cssOf(colors[`heat-${step}`])]);

/** Exactly from edge to edge of the window: the library places its image at fractions of a pixel otherwise. */
function windowed({ edges, columns }, { from, to }) {
  const cut = [from, ...edges.map((edge) => Math.min(to, Math.max(from, edge))), to];
  return { edges: cut, columns: [-1, ...columns, ...(edges.length ? [-1] : [])] };
}

function heatTrace(model, { colors }) {
  const { times, rows, low, high } = model;
  const { edges, columns } = windowed(cellsOf(times, rows), model);
  const readingOf = (value, column) => (column >= 0 && value[column] === value[column] ? value[column] : null);
  return {
    type: "heatmap",
    uid: "heat",
    x: edges,
    y: Array.from({ length: rows.length + 1 }, (_, i) => i),
    z: rows.map(({ value }) => columns.map((column) => readingOf(value, column))),
    zmin: low,
    zmax: high,
    zsmooth: false,
    colorscale: colorScale(colors),
    showscale: false,
    connectgaps: false,
  };
}

/** What these bars need at least, in pixels. @param {{trend?: string}[]} bars */
export const barsHeight = (bars, rem) => Math.ceil(bars.length * (BAR.words + BAR.thick + spaceAfter(bars)) * rem);

/** Below a bar there is room for how it fills. @param {{trend?: string}[]} bars */
const spaceAfter = (bars) => BAR.space + (bars.some(({ trend }) => trend) ? BAR.trend : 0);

/** Where bars and their words are, in pixels from the top; they fill the height as far as is becoming. */
function barPlaces(bars, { rem, height, margin }) {
  const room = (height - margin.t - margin.b) / barsHeight(bars.length ? bars : [{}], rem);
  const growth = Math.min(BAR.growth, Math.max(1, room));
  const thick = BAR.thick * rem * growth;
  const step = (BAR.words + (BAR.thick + spaceAfter(bars)) * growth) * rem;
  const tops = bars.map((_, i) => i * step);
  return { thick, words: tops.map((top) => top + (BAR.words / 2) * rem), bars: tops.map((top) => top + BAR.words * rem) };
}

/** Each part begins where those before it end, over a track as long as the whole. */
function barTraces({ bars }, look) {
  const { colors } = look;
  const places = barPlaces(bars, look);
  const common = { type: "bar", orientation: "h", y: places.bars, width: places.thick, offset: 0 };
  const track = { ...common, uid: "track", base: 0, x: bars.map(() => 1), marker: { color: cssOf(colors.grid) } };
  const most = Math.max(0, ...bars.map(({ parts }) => parts.length));
  const before = ({ parts }, number) => parts.slice(0, number).reduce((sum, { share }) => sum + (share || 0), 0);
  const part = (_, number) => ({
    ...common,
    uid: `part${number}`,
    base: bars.map((bar) => before(bar, number)),
    x: bars.map(({ parts }) => parts[number]?.share || 0),
    marker: { color: bars.map((bar) => partColor(bar, number, colors)) },
  });
  return [track, ...Array.from({ length: most }, part)];
}

/** Its own colour while all is well. */
function partColor({ level, parts }, number, colors) {
  const strength = number > 0 ? LATER_PART : 1;
  if (level === "critical") return cssOf(colors.bad, strength);
  if (level === "warning") return cssOf(colors.warn, strength);
  return cssOf(colors[`c${parts[number]?.color ?? 1}`]);
}

/** Its name at the left, its number at the right. As points they need no measuring, which a page's styles could upset. */
function barWords({ bars }, look, area) {
  const { rem, colors, family } = look;
  const size = 0.82 * rem;
  const measure = measuring(`${size}px ${family}`);
  const { words: y, bars: tops, thick } = barPlaces(bars, look);
  const ink = { "": colors["ink-soft"], warning: colors.warn, critical: colors.bad };
  const common = { type: "scatter", mode: "text", y, cliponaxis: false, showlegend: false };
  const labels = bars.map((bar) => escaped(shortened(bar.label, area.width - measure(bar.text) - rem, measure)));
  const at = (x) => bars.map(() => x);
  const trends = {
    ...common,
    uid: "trends",
    y: tops.map((top) => top + thick + 0.65 * rem),
    x: at(0),
    text: bars.map(({ trend }) => escaped(trend ?? "")),
    textposition: "middle right",
    textfont: { size: 0.76 * rem, color: cssOf(colors["ink-soft"]) },
  };
  return [
    ...(bars.some(({ trend }) => trend) ? [trends] : []),
    { ...common, uid: "names", x: at(0), text: labels, textposition: "middle right", textfont: { size, color: cssOf(colors.ink) } },
    {
      ...common,
      uid: "numbers",
      x: at(1),
      text: bars.map((bar) => escaped(bar.text)),
      textposition: "middle left",
      textfont: { size, color: bars.map(({ level }) => cssOf(ink[level] ?? ink[""])) },
    },
  ];
}

/** @type {CanvasRenderingContext2D|null} */ let ruler = null;

/** @param {string} font @returns {(text: string) => number} its width in pixels */
function measuring(font) {
  ruler ??= document.createElement("canvas").getContext("2d");
  const context = /** @type {CanvasRenderingContext2D} */ (ruler);
  context.font = font;
  return (text) => context.measureText(text).width;
}

/** The end of a path tells more than its beginning. */
function shortened(text, room, measure) {
  if (measure(text) <= room) return text;
  let kept = text.length - 1;
  while (kept > 1 && measure(`…${text.slice(-kept)}`) > room) kept -= 1;
  return `…${text.slice(-kept)}`;
}

/** The library reads a little markup in labels; a device's name is none. */
export const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
