/** What a chart is compared with: its lines, or its whole, as dashed lines, and the difference of the panel's number in words. */

import { formatValue } from "./format.js";

const AGO = Object.freeze({ 3600: "an hour ago", 86400: "yesterday", 604800: "a week ago" });
/** A difference of less is none. */
const SAME = 0.02;
/** From here on a number of times says more than percents. */
const TIMES = 3;

/**
 * @typedef {import("./past_answer.js").PastAnswer} PastAnswer
 * @typedef {import("./past_bands.js").Extra} Extra
 */

/**
 * @param {PastAnswer} ghost @param {import("./lines.js").Layout} layout @param {{stack: boolean, from: number, to: number}} chart
 * @returns {Extra[]}
 */
export function ghostsOf(ghost, layout, { stack, from, to }) {
  const first = Math.max(0, ghost.after(from) - 1);
  const end = Math.min(ghost.length, ghost.after(to) + 1);
  const { times, at } = placed(ghost, first, end);
  const lines = ghost.head.lines ?? [];
  const track = (columns, down) => Float64Array.from(at, (row) => (row < 0 ? NaN : (down ? -1 : 1) * sumOf((column) => ghost.columns[column * ghost.aggregates][row], columns)));
  if (!stack) {
    const known = new Map(layout.lines.map((line) => [`${line.id} ${line.down}`, line]));
    return lines.flatMap(({ id, direction, column }) => {
      const line = known.get(`${id} ${direction === "down"}`);
      return line ? [extra(line.color, times, track([column], line.down))] : [];
    });
  }
  return [false, true].flatMap((down) => {
    const columns = lines.filter(({ direction }) => (direction === "down") === down).map(({ column }) => column);
    return columns.length ? [extra(0, times, track(columns, down))] : [];
  });
}

/** @returns {Extra} */
const extra = (color, times, top) => ({ kind: "ghost", color, times, top, base: null });

/** Its points, with one of nothing in each hole, whose row is -1. */
function placed(ghost, first, end) {
  const times = [];
  const at = [];
  for (let row = first; row < end; row += 1) {
    if (row > first && ghost.holes[row]) {
      times.push((ghost.times[row - 1] + ghost.times[row]) / 2);
      at.push(-1);
    }
    times.push(ghost.times[row]);
    at.push(row);
  }
  return { times: Float64Array.from(times), at };
}

function sumOf(valueOf, columns) {
  let sum = NaN;
  for (const column of columns) {
    const value = valueOf(column);
    if (value === value) sum = (sum || 0) + value;
  }
  return sum;
}

/**
 * How the panel's number differs: `14 % more than yesterday`; of one moment, or of the mean of the window.
 *
 * @param {PastAnswer} ghost @param {import("./lines.js").Layout} layout
 * @param {{ring: import("../../client/ring.js").Ring, from: number, to: number, moment: number|null, shift: number, stack: boolean}} shown
 *   stack: it is the whole that is compared
 */
export function differenceOf(ghost, { headline, lines }, { ring, from, to, moment, shift, stack }) {
  if (headline.column < 0 || !ghost.head.headline) return "";
  const [start, end] = moment === null ? [from, to] : [moment - 1, moment];
  const [mine, theirs] = stack ? [lines, ghost.head.lines].map((all) => all.map(({ column }) => column)) : [[headline.column], [ghost.head.headline.column]];
  const now = meanOf(start, end, ring.length, (row) => ring.time(row), (row) => sumOf((column) => ring.value(column, row), mine));
  const then = meanOf(start, end, ghost.length, (row) => ghost.times[row], (row) => sumOf((column) => ghost.columns[column * ghost.aggregates][row], theirs));
  const ago = AGO[shift] ?? "before";
  if (Number.isNaN(then)) return `nothing known of ${ago}`;
  return Number.isNaN(now) ? "" : differenceWords(now, then, { ago, unit: headline.unit });
}

/** @param {number} now @param {number} then @param {{ago: string, unit: string}} named */
export function differenceWords(now, then, { ago, unit }) {
  const ratio = now / then;
  if (formatValue(now, unit) === formatValue(then, unit) || Math.abs(ratio - 1) < SAME) return `same as ${ago}`;
  if (!(then > 0) || !(ratio >= 0)) return `${formatValue(then, unit)} ${ago}`;
  if (ratio >= TIMES) return `${ratio < 100 ? ratio.toFixed(1) : Math.round(ratio)}\u00a0times as much as ${ago}`;
  return `${Math.round(100 * Math.abs(ratio - 1))}\u00a0% ${ratio > 1 ? "more" : "less"} than ${ago}`;
}

/** Of the rows in a window; where none is in it, of the first after it: a row is known by the end of its step. */
function meanOf(from, to, length, timeOf, valueOf) {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(middle) <= from) low = middle + 1;
    else high = middle;
  }
  let [sum, count] = [0, 0];
  for (let row = low; row < length && (timeOf(row) <= to || count === 0); row += 1) {
    const value = valueOf(row);
    if (value === value) [sum, count] = [sum + value, count + 1];
    if (timeOf(row) > to) break;
  }
  return count ? sum / count : NaN;
}
