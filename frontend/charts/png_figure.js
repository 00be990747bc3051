/** A chart model as a figure that stands alone, to be saved: opaque, with its numbers, legend, axes, machine and time. */

import { headWords } from "./model/bars_picture.js";
import { formatClock, formatTick, formatValue } from "./model/format.js";
import { thinned } from "./axes.js";
import { cssOf } from "./colors.js";
import { areaPoints } from "./model/svg_path.js";
import { escaped, figureOf } from "./plotly_figure.js";

/** Narrower, the legend and the title would not fit. In rem. */
const WIDTH_MIN = 40;
const HEIGHT_MIN = 12;
const MARGIN = Object.freeze({ l: 5, r: 1.2, t: 4, b: 2 });
/** A row of the legend, in rem. */
const LEGEND = 1.6;

const MARKS = Object.freeze({ "": "", up: "\u25b2", down: "\u25bc" });

/**
 * @typedef {object} About what a picture says beside its chart
 * @property {string} title
 * @property {string} [host]
 * @property {{text: string, label: string, mark?: ""|"up"|"down", down?: boolean}[]} [numbers] those of the panel's head
 */

const pad = (number) => String(number).padStart(2, "0");

/** From one moment to another, with the day: `2026-11-22 14:03:05 – 14:08:05`. @param {number} from @param {number} to Unix ms */
export function spanWords(from, to) {
  const day = (ms) => {
    const date = new Date(ms);
    return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  };
  const clock = (ms) => formatClock(ms, { seconds: true });
  const end = day(from) === day(to) ? clock(to) : `${day(to)} ${clock(to)}`;
  return `${day(from)} ${clock(from)} – ${end}`;
}

/** The reader's time zone: `Europe/Berlin, GMT+1`. @param {number} at Unix ms */
function zoneWords(at) {
  const format = new Intl.DateTimeFormat("en", { timeZoneName: "shortOffset" });
  const offset = format.formatToParts(at).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const { timeZone } = format.resolvedOptions();
  return timeZone === "UTC" ? "UTC" : [timeZone, offset].filter(Boolean).join(", ");
}

/**
 * @param {any} model @param {import("./plotly_figure.js").Look} look as the chart has it on the page @param {About} about
 * @returns {{data: any[], layout: any}}
 */
export function pngFigureOf(model, look, about) {
  const { rem, colors } = look;
  const { l, r, t, b } = MARGIN;
  const legend = model.kind === "lines" ? LEGEND : 0;
  const margin = { l: l * rem, r: r * rem, t: (t + legend) * rem, b: b * rem };
  const area = look.height - look.margin.t - look.margin.b;
  const height = Math.max(HEIGHT_MIN * rem, area) + margin.t + margin.b;
  const width = Math.max(WIDTH_MIN * rem, look.width);
  const figure = figureOf(model, { ...look, width, height, margin });
  const { layout } = figure;
  figure.data = [...extraTraces(model, look, "band"), ...figure.data, ...extraTraces(model, look, "peak"), ...extraTraces(model, look, "ghost")];
  layout.paper_bgcolor = cssOf(colors.surface);
  layout.title = headOf(model, look, about);
  Object.assign(layout.xaxis, axisOf(model.xTicks, colors));
  Object.assign(layout.yaxis, axisOf(valueTicks(model, area / (1.1 * rem)), colors));
  if (model.kind === "heatmap") {
    layout.yaxis.showgrid = false;
    Object.assign(figure.data[0], scaleOf(model, rem));
  }
  if (legend) nameValues(figure.data, model, about);
  layout.showlegend = legend > 0;
  layout.legend = { orientation: "h", x: 0, xanchor: "left", y: 1, yanchor: "bottom" };
  return figure;
}

/** What the page draws beside the library: bands, peaks and ghosts. */
function extraTraces({ extras = [], times: points }, { colors }, wanted) {
  return extras.filter(({ kind }) => kind === wanted).map(({ kind, color, top, base, times = points }) => {
    const own = colors[color ? `c${color}` : "ink-soft"];
    const common = { type: "scatter", showlegend: false, hoverinfo: "skip" };
    if (base) return { ...common, ...areaPoints(times, top, base), mode: "none", fill: "toself", fillcolor: cssOf(own, 0.26) };
    return { ...common, x: Array.from(times), y: Array.from(top), mode: "lines", line: { color: cssOf(own, 0.8), width: 1, ...(kind === "ghost" && { dash: "3px,3px" }) } };
  });
}

/** What the legend says of each line: its newest value, and of a device both ways. */
function nameValues(data, { shapes, unit }, { numbers = [] }) {
  const wayOf = (down) => {
    const way = shapes.some((shape) => shape.down) && numbers.find((number) => number.down === down);
    return way ? `${MARKS[way.mark ?? ""] || way.label} ` : "";
  };
  /** @type {Map<string, string[]>} */ const values = new Map();
  for (const { key, value, down } of shapes) {
    const newest = value.findLast((one) => one === one);
    if (newest !== undefined) values.set(key, [...(values.get(key) ?? []), `${wayOf(down)}${formatValue(newest, unit)}`]);
  }
  for (const trace of data) {
    if (values.has(trace.legendgroup)) trace.name += ` ${values.get(trace.legendgroup)?.join(" ")}`;
  }
}

function headOf({ from, to }, { rem, colors }, { title, host = "", numbers = [] }) {
  const soft = `font-size:${(0.8 * rem).toFixed(1)}px;color:${cssOf(colors["ink-soft"])}`;
  const time = `${spanWords(from, to)} ${zoneWords(to)}`;
  const below = [host, time].filter(Boolean).map(escaped).join(" \u00b7 ");
  return {
    text: `<b>${escaped(title)}</b>  ${escaped(headWords(numbers))}<br><span style="${soft}">${below}</span>`,
    font: { size: 1.1 * rem, color: cssOf(colors.ink) },
    x: 0,
    xref: "container",
    xanchor: "left",
    y: 1,
    yanchor: "top",
    pad: { l: 1.2 * rem, t: 1.5 * rem },
  };
}

const axisOf = (ticks, colors) => ({
  visible: true,
  ticks: "",
  showgrid: true,
  gridcolor: cssOf(colors.grid),
  zeroline: true,
  zerolinecolor: cssOf(colors.axis),
  tickmode: "array",
  tickvals: ticks.map(({ value }) => value),
  ticktext: ticks.map(({ text }) => escaped(text)),
  tickangle: 0,
});

function valueTicks({ kind, rows, yTicks }, most) {
  if (kind !== "heatmap") return yTicks;
  return thinned(rows.map(({ label }, i) => ({ value: i + 0.5, text: label })), most);
}

const scaleOf = ({ low, high, unit }, rem) => ({
  showscale: true,
  colorbar: {
    thickness: 0.7 * rem,
    outlinewidth: 0,
    tickmode: "array",
    tickvals: [low, high],
    ticktext: [formatTick(low, unit), formatTick(high, unit)],
  },
});
