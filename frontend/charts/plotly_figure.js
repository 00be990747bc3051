/** Chart models as figures of the charting library: what `plot.js` has drawn in full. Pure. */

import { areaPoints } from "./model/svg_path.js";
import { cssOf } from "./colors.js";
import { cellsOf } from "./heatmap.js";

const CLEAR = "rgba(0,0,0,0)";
/** The level that a chart is compared with. */
const REFERENCE = Object.freeze({ width: 1.5, dash: "6px,4px" });

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
  const { data, x, y } = parts[model.kind](model, look);
  const axis = { visible: false, fixedrange: true, type: "linear" };
  return { data, layout: { ...layout, xaxis: { ...axis, range: x }, yaxis: { ...axis, range: y } } };
}

const parts = {
  lines(model, look) {
    return { data: lineTraces(model, look), x: [model.from, model.to], y: [model.low, model.high] };
  },
  heatmap(model, look) {
    const x = [model.from, model.to];
    return { data: [heatTrace(model, look)], x, y: [Math.max(1, model.rows.length), 0] };
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

/** The library reads a little markup in labels; a device's name is none. */
export const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
