/** From a stream's readings to what is drawn: lines, bands, rows and bars in data units, ranges and ticks. */

import { pointsOf } from "./decimate.js";
import { formatValue, isRatio } from "./format.js";
import { barsAt, levelAt } from "./headline.js";
import { possible, valueAt } from "./lines.js";
import { stepFor, ticksOf } from "./axis.js";
import { ghostsOf } from "./ghost.js";
import { bandsOf, peaksOf } from "./past_bands.js";
import { pastPointsOf, piledUp } from "./past_points.js";
import { stacked } from "./stack.js";
import { timeAxis } from "./time_axis.js";

/** Shares that were read one after the other add up to a little more than all there is. */
const OVER_ALL = 1.1;
/** A cell of a heatmap is at least so wide, in pixels: narrower ones only flicker. */
const CELL = 3;

/**
 * @typedef {import("./lines.js").Line} Line
 * @typedef {{key: string, label: string, color: number, width: number, fill: number, top: Float64Array,
 *            base: Float64Array, value: Float64Array, down: boolean}} Shape
 * @typedef {{value: number, text: string}[]} Ticks
 * @typedef {import("../../client/store.js").Break} Break
 * @typedef {{kind: "lines", from: number, to: number, times: Float64Array, shapes: Shape[], low: number, high: number,
 *            xTicks: Ticks, yTicks: Ticks, unit: string, reference: number, breaks: Break[], stepAt: (time: number) => number,
 *            extras: import("./past_bands.js").Extra[]}} LinesModel
 *   extras: what is drawn behind or above the lines of a past that is made of steps
 * @typedef {{kind: "heatmap", from: number, to: number, times: Float64Array,
 *            rows: {key: string, label: string, value: Float64Array}[], low: number, high: number, xTicks: Ticks,
 *            unit: string, breaks: Break[], stepAt: (time: number) => number}} HeatmapModel times: each cell's last reading
 * @typedef {{key: string, label: string, color: number, share: number}} BarPart
 * @typedef {{kind: "bars", bars: {key: string, label: string, parts: BarPart[], share: number,
 *            level: import("./headline.js").Level, text: string, trend: string, course: import("./fill_trend.js").Course|null}[]}} BarsModel
 *   trend: how it fills, in words; course: as a line
 * @typedef {LinesModel|HeatmapModel|BarsModel} ChartModel
 */

/**
 * Everything that a chart needs to draw itself.
 *
 * @param {{panel: import("./panel.js").Panel, store: import("../../client/store.js").StreamStore,
 *          layout: import("./lines.js").Layout, range: import("./axis.js").CalmRange,
 *          from: number, to: number, width: number, height: number, at?: number|null,
 *          ghost?: import("./past_answer.js").PastAnswer|null,
 *          only?: ReadonlySet<string>, trends?: ReadonlyMap<string, import("./fill_trend.js").Trend>}} options
 *   at: the moment that bars are of, null for the window's end; ghost: what it is compared with; only: the keys of lines that are shown alone; trends: of bars; from, to: Unix ms; width, height: of the
 *   drawing area in pixels
 * @returns {ChartModel}
 */
export function chartModelOf(options) {
  if (options.panel.chart === "bar") return barsModel(options);
  return options.panel.chart === "heatmap" ? heatmapModel(options) : linesModel(options);
}

function linesModel({ panel, store, layout, range, from, to, width, height, ghost = null, only }) {
  const { unit, mirrored } = layout;
  const lines = shownOf(layout.lines, only);
  const piles = panel.stack ? lines.map(({ down }) => (down ? 1 : 0)) : null;
  const { times, tracks, lows, highs } = lineTracks(store, columnsOf(lines), { from, to, width, piles, whole: Boolean(panel.others?.length) });
  const shapes = panel.stack ? bands(lines, tracks) : plainLines(lines, tracks);
  const steps = !highs ? [] : panel.stack ? peaksOf({ store, layout, shapes, lows, highs, from, to, width }) : bandsOf(lines, lows, highs);
  const extras = ghost ? [...steps, ...ghostsOf(ghost, { ...layout, lines }, { stack: Boolean(panel.stack), from, to })] : steps;
  const reference = valueBefore(store.ring, layout.reference, to);
  const ticks = Math.max(2, Math.min(6, Math.floor(height / 36)));
  const scale = scaleOf({ store, layout, range, from, to, ticks, ...extentOf([...shapes, ...extras], reference) });
  return {
    kind: /** @type {const} */ ("lines"),
    from,
    to,
    times,
    shapes: lines === layout.lines ? shapes : withAbsent(layout.lines, lines, shapes),
    low: scale.low,
    high: scale.high,
    xTicks: xTicksOf(from, to, width),
    yTicks: ticksOf(scale, unit, { mirrored: mirrored && shapes.every(goesItsWay) }),
    unit,
    reference,
    breaks: breaksOf(store, from, to),
    stepAt: stepAtOf(store),
    extras,
  };
}

/** @param {Line[]} lines @param {ReadonlySet<string>} [only] */
function shownOf(lines, only) {
  const shown = only?.size ? lines.filter(({ key }) => only.has(key)) : lines;
  return shown.length ? shown : lines;
}

/** Shapes for all lines, those that are not shown without a point: so the figure stays, and just its paths change. */
function withAbsent(lines, shown, shapes) {
  const { width, fill, top } = shapes[0];
  const nothing = new Float64Array(top.length).fill(NaN);
  return lines.map((line) => {
    const at = shown.indexOf(line);
    return at < 0 ? { ...shapeOf(line, width, fill), top: nothing, base: nothing, value: nothing } : shapes[at];
  });
}

/** The points of lines; of rows that stand for steps also how far these went. */
function lineTracks(store, columns, { from, to, width, piles, whole }) {
  if (!store.bands?.size) return { ...pointsOf(store.ring, columns, { from, to, width, intervalMs: spacingOf(store), piles }), lows: null, highs: null };
  const { times, tracks, lows, highs } = pastPointsOf(store, columns, { from, to, width, whole });
  return { times, tracks: piles ? piledUp(tracks, piles) : tracks, lows, highs };
}

const columnsOf = (lines) => lines.map(({ column }) => column);

const spacingOf = ({ intervalS }) => intervalS * 1000;

const xTicksOf = (from, to, width) => timeAxis({ from, to, most: Math.max(2, Math.floor(width / 72)) });

/** The breaks that a window shows, with that of the present, which no reading has ended yet. */
function breaksOf(store, from, to) {
  const breaks = store.breaks.filter((one) => one.to > from && one.from < to);
  const open = store.openBreak(to);
  return open ? [...breaks, open] : breaks;
}

/** Bands, each on the one below it. */
function bands(lines, tracks) {
  const places = stacked(tracks, lines.map(({ down }) => (down ? 1 : 0)));
  return lines.map((line, i) => {
    const { top, base, value } = places[i];
    const shape = { ...shapeOf(line, 0, 0.74), value };
    return line.down ? { ...shape, top: negated(top), base: negated(base) } : { ...shape, top, base };
  });
}

function plainLines(lines, tracks) {
  const zero = new Float64Array(tracks[0]?.length ?? 0);
  return lines.map((line, i) => {
    const value = tracks[i];
    return { ...shapeOf(line, 1.25, 0.16), value, top: line.down ? negated(value) : value, base: zero };
  });
}

const shapeOf = ({ key, label, color, down }, width, fill) => ({ key, label, color, down, width, fill });

function negated(values) {
  const out = new Float64Array(values.length);
  // Not -0, which is another number to those who compare models.
  for (let i = 0; i < out.length; i += 1) out[i] = 0 - values[i];
  return out;
}

/** Whether it keeps to its side of the axis, whose labels need no sign then. @param {Shape} shape */
const goesItsWay = ({ top, down }) => top.every((at) => !(down ? at > 0 : at < 0));

function extentOf(shapes, reference) {
  let low = reference < 0 ? reference : 0;
  let high = reference > 0 ? reference : 0;
  for (const { top } of shapes) {
    for (let i = 0; i < top.length; i += 1) {
      if (top[i] < low) low = top[i];
      if (top[i] > high) high = top[i];
    }
  }
  return { low, high };
}

/** The axis: up to its fixed end while the data keep to it, else calmly around the data. */
function scaleOf({ store, layout, range, from, to, ticks, low, high }) {
  const { unit, max, maxColumn, spanMin } = layout;
  const end = possible(Number.isNaN(max) ? valueBefore(store.ring, maxColumn, to) : max);
  if (end > 0 && high <= end * (isRatio(unit) ? OVER_ALL : 1.02) && low >= 0) return fixedScale(unit, end, ticks);
  return range.fit({ low, high, unit, least: spanMin, ticks, span: scaleOfSpan(to - from) }, to);
}

/** Spans that are nearly as long are one: the axis of a young machine grows with each sample. */
const scaleOfSpan = (span) => Math.round(4 * Math.log2(span));

/** @param {string} unit @param {number} high no more than charts show */
function fixedScale(unit, high, ticks) {
  if (isRatio(unit) && high === 1) return { low: 0, high, step: ticks >= 4 ? 0.25 : 0.5 };
  return { low: 0, high, step: stepFor(high, ticks, unit, 2) };
}

/** The newest reading of a column at that time; NaN without one. */
function valueBefore(ring, column, time) {
  return possible(valueAt(ring, column, Math.min(ring.length, ring.firstAtOrAfter(time + 1)) - 1));
}

function heatmapModel({ store, layout, range, from, to, width }) {
  const { lines, unit } = layout;
  const { times, tracks } = cellTracks(store, columnsOf(lines), { from, to, width: width / CELL });
  const rows = lines.map(({ key, label }, i) => ({ key, label, value: tracks[i] }));
  const extent = extentOf(rows.map(({ value }) => ({ top: value })), NaN);
  const scale = scaleOf({ store, layout, range, from, to, ticks: 4, ...extent });
  return {
    kind: /** @type {const} */ ("heatmap"),
    from,
    to,
    times,
    rows,
    low: scale.low,
    high: scale.high,
    xTicks: xTicksOf(from, to, width),
    unit,
    breaks: breaksOf(store, from, to),
    stepAt: stepAtOf(store),
  };
}

/** How long the steps are that its points stand for; 0 for samples. */
const stepAtOf = (store) => (store.bands?.size ? (time) => store.stepAt(time) : () => 0);

/** What was highest in each cell. */
function cellTracks(store, columns, window) {
  if (!store.bands?.size) return pointsOf(store.ring, columns, { ...window, intervalMs: spacingOf(store), peaks: true });
  const { times, highs } = pastPointsOf(store, columns, window);
  return { times, tracks: highs };
}

function barsModel({ store, layout, to, at = null, trends }) {
  const { ring } = store;
  const { lines, unit } = layout;
  const last = Math.min(ring.length, ring.firstAtOrAfter(to + 1)) - 1;
  const row = at === null ? last : Math.min(last, store.bands?.size ? ring.firstAtOrAfter(at) : ring.firstAtOrAfter(at + 1) - 1);
  const bars = barsAt(lines, ring, row).map(({ key, parts, values, used, whole, share }) => {
    const [{ label, levels, restLabel }] = parts;
    return {
      key,
      label,
      parts: parts.map(({ part, partLabel, color }, i) => ({
        key: part,
        label: partLabel,
        color,
        share: whole > 0 && values[i] > 0 ? values[i] / whole : 0,
      })),
      share,
      level: levelAt(ring, levels, row),
      trend: trends?.get(key)?.words ?? "",
      course: trends?.get(key)?.course ?? null,
      text: whole > 0 ? `${formatValue(whole - used, unit)} ${restLabel} of ${formatValue(whole, unit)}` : formatValue(used, unit),
    };
  });
  return { kind: /** @type {const} */ ("bars"), bars };
}
