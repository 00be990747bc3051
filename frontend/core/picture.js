/** From a stream's readings to what is drawn: lines and bands in data units, ranges, ticks, words. Pure. */

import { formatClock, formatDuration, formatValue } from "./format.js";
import { roundStep, ticksOf, timeTicks } from "./scale.js";

const COLORS = 8;

/**
 * @typedef {{key: string, label: string, color: number, column: number, down: boolean}} Line
 * @typedef {{key: string, label: string, color: number, width: number, fill: number,
 *            top: Float64Array, base: Float64Array, value: Float64Array, down: boolean}} Shape
 */

/**
 * The lines of a panel in drawing order, from its stream's series. `remembered` maps names to colours and
 * is added to, so that a device keeps its colour while others come and go.
 *
 * @param {import("./panels.js").Panel} panel @param {import("./protocol.js").Series[]} series
 * @param {Map<string, number>} remembered
 * @returns {{lines: Line[], rest: number[], limit: number}}
 *   rest: the columns of the empty remainder; limit: the column of the panel's top, -1 without one
 */
export function linesOf(panel, series, remembered) {
  const lines = [];
  const rest = [];
  let limit = -1;
  series.forEach(({ attributes, name }, column) => {
    if (name === panel.top) {
      limit = column;
      return;
    }
    const value = attributes[panel.by] ?? name;
    if (panel.rest?.includes(value)) {
      rest.push(column);
      return;
    }
    const down = panel.direction !== undefined && attributes[panel.direction] === panel.down;
    lines.push({ key: value, label: panel.labels?.[value] ?? value, color: 0, column, down });
  });
  const rank = (line) => {
    const at = panel.order?.indexOf(line.key) ?? -1;
    return at < 0 ? Infinity : at;
  };
  // Unequal infinities subtract to NaN: compare, do not subtract.
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  lines.sort((a, b) => compare(rank(a), rank(b)) || compare(a.key, b.key) || compare(a.down, b.down));
  for (const line of lines) {
    if (!remembered.has(line.key)) {
      remembered.set(line.key, panel.colors?.[line.key] ?? (remembered.size % COLORS) + 1);
    }
    line.color = remembered.get(line.key);
  }
  return { lines, rest, limit };
}

/** What the whole is of which the lines are parts: the panel's top, or else the sum; NaN while empty. */
export function wholeOf(panel, ring, { lines, rest, limit }) {
  if (typeof panel.top === "number") return panel.top;
  const row = ring.length - 1;
  if (row < 0) return NaN;
  const stated = limit < 0 ? NaN : ring.value(limit, row);
  return stated > 0 ? stated : sum([...lines.map((line) => line.column), ...rest].map((column) => ring.value(column, row)));
}

/**
 * Which rows to draw: all of them, or where there are more than pixels, of each pixel's rows those with
 * the highest and the lowest total, so that a spike is never averaged away.
 *
 * @param {import("./ring.js").Ring} ring @param {number[]} columns @param {number} first @param {number} most
 */
export function rowsToDraw(ring, columns, first, most) {
  const count = ring.length - first;
  if (count <= most) return Array.from({ length: count }, (_, i) => first + i);
  const buckets = Math.max(1, Math.floor(most / 2));
  const rows = [];
  const total = (row) => columns.reduce((sum, column) => sum + Math.abs(ring.value(column, row)), 0);
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const start = first + Math.floor((bucket * count) / buckets);
    const end = first + Math.floor(((bucket + 1) * count) / buckets);
    let lowest = start;
    let highest = start;
    let low = Infinity;
    let high = -Infinity;
    for (let row = start; row < end; row += 1) {
      const sum = total(row);
      if (sum < low) [low, lowest] = [sum, row];
      if (sum > high) [high, highest] = [sum, row];
    }
    rows.push(Math.min(lowest, highest));
    if (lowest !== highest) rows.push(Math.max(lowest, highest));
  }
  return rows;
}

/** Times of the rows, with a NaN row wherever more than one reading is missing, so that a gap stays a gap. */
function withGaps(ring, rows, breakMs) {
  const marked = [];
  let before = NaN;
  for (const row of rows) {
    const time = ring.time(row);
    if (time - before > breakMs) marked.push(-1);
    marked.push(row);
    before = time;
  }
  return marked;
}

/**
 * Everything that a chart needs to draw itself.
 *
 * @param {{panel: import("./panels.js").Panel, store: import("./store.js").StreamStore, lines: Line[],
 *          whole: number, range: import("./scale.js").CalmRange, to: number, width: number, height: number}} options
 *   whole: as `wholeOf` says; to: the right edge, Unix ms; width and height: of the drawing area in pixels
 */
export function pictureOf({ panel, store, lines, whole, range, to, width, height }) {
  const { ring, intervalS, windowS } = store;
  const from = to - windowS * 1000;
  // One row beyond the edge, so that the line enters from it.
  const first = Math.max(0, ring.firstAtOrAfter(from) - 1);
  const columns = lines.map((line) => line.column);
  const most = Math.max(64, Math.round(width));
  const sampled = rowsToDraw(ring, columns, first, most);
  const spacing = (windowS * 1000) / most;
  const rows = withGaps(ring, sampled, Math.max(1750 * intervalS, sampled.length < ring.length - first ? 4 * spacing : 0));
  const times = Float64Array.from(rows, (row) => (row < 0 ? NaN : ring.time(row)));
  fillBreaks(times);
  const shapes = panel.shape === "stack" ? stacked(ring, rows, lines) : mirrored(ring, rows, lines);
  const ticks = Math.max(2, Math.min(6, Math.floor(height / 36)));
  const scale = panel.top
    ? fixedScale(panel.unit, whole, ticks)
    : range.fit({ ...extent(shapes), unit: panel.unit, least: panel.least, ticks }, to);
  return {
    from,
    to,
    times,
    shapes,
    low: scale.low,
    high: scale.high,
    yTicks: ticksOf(scale, panel.unit),
    xTicks: timeTicks({ from, to, most: Math.max(2, Math.floor(width / 72)), clock: formatClock }),
    unit: panel.unit,
  };
}

/** A break stands half-way between its neighbours: any time will do that keeps them in order. */
function fillBreaks(times) {
  for (let i = 0; i < times.length; i += 1) {
    if (Number.isNaN(times[i])) times[i] = (times[i - 1] + times[i + 1]) / 2;
  }
}

const valuesOf = (ring, rows, column) => Float64Array.from(rows, (row) => (row < 0 ? NaN : ring.value(column, row)));

function stacked(ring, rows, lines) {
  let base = new Float64Array(rows.length);
  return lines.map((line) => {
    const value = valuesOf(ring, rows, line.column);
    const top = base.map((below, i) => below + value[i]);
    const shape = { ...line, value, base, top, width: 0, fill: 0.74 };
    // A mode without a reading is no reason to lose those above it; a missing row is.
    base = base.map((below, i) => (rows[i] < 0 ? NaN : Number.isNaN(value[i]) ? below : below + value[i]));
    return shape;
  });
}

function mirrored(ring, rows, lines) {
  const zero = new Float64Array(rows.length);
  return lines.map((line) => {
    const value = valuesOf(ring, rows, line.column);
    return { ...line, value, base: zero, top: line.down ? value.map((one) => -one) : value, width: 1.25, fill: 0.16 };
  });
}

function extent(shapes) {
  let low = 0;
  let high = 0;
  for (const { top } of shapes) {
    for (const value of top) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return { low, high };
}

function fixedScale(unit, whole, ticks) {
  const high = whole > 0 ? whole : 1;
  if (unit === "1" && high === 1) return { low: 0, high, step: ticks >= 4 ? 0.25 : 0.5 };
  return { low: 0, high, step: roundStep(high / ticks, unit) };
}

/** The newest reading of each line; NaN where it has none. @returns {number[]} */
export function newestOf(ring, lines) {
  return lines.map((line) => (ring.length ? ring.value(line.column, ring.length - 1) : NaN));
}

const sum = (values) => values.reduce((total, value) => total + (Number.isNaN(value) ? 0 : value), 0);

/**
 * The panel's one or two large numbers.
 *
 * @returns {{value: string, label: string}[]}
 */
export function headlineOf(panel, lines, newest, whole) {
  const known = newest.some((value) => !Number.isNaN(value));
  const say = (value) => formatValue(known ? value : NaN, panel.unit);
  if (panel.headline === "directions") {
    const of = (down) => sum(newest.filter((_, i) => lines[i].down === down));
    return [
      { value: say(of(false)), label: panel.upLabel },
      { value: say(of(true)), label: panel.downLabel },
    ];
  }
  if (panel.headline === "used") {
    const used = newest[lines.findIndex((line) => line.key === "used")] ?? NaN;
    return [
      { value: say(used), label: "used" },
      { value: say(whole), label: "total" },
    ];
  }
  return [{ value: say(sum(newest)), label: panel.headline }];
}

/** A sentence for those who cannot see the chart. */
export function summaryOf(panel, lines, newest, windowS) {
  if (lines.length === 0) return `${panel.title}: no readings yet.`;
  const parts = lines
    .map((line, i) => ({ line, value: newest[i] }))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => b.value - a.value)
    .slice(0, 8)
    .map(({ line, value }) => {
      const way = panel.direction ? ` ${line.down ? panel.downLabel : panel.upLabel}` : "";
      return `${line.label}${way} ${formatValue(value, panel.unit)}`;
    });
  return `${panel.title}, the last ${formatDuration(windowS)}. Now: ${parts.join(", ")}.`;
}
