/** When what fills will be full, as far as its past lets one say that honestly. Pure. */

import { layoutOf } from "./lines.js";

const DAY_MS = 86_400_000;
/** Less is no past to tell anything from. */
const LEAST = Object.freeze({ days: 2, points: 24 });
/** Of the whole: so little in all the time is no change. */
const STEADY = 0.005;
/** How much of what happened a straight line has to explain. */
const STRAIGHT = 0.75;
/** Further ahead nobody knows. */
const DAYS_MAX = 120;

/** The least that a line reaches from its low to its high end, of the whole: so steady looks steady. */
const REACH = 0.1;

/**
 * @typedef {{from: number, to: number, low: number, high: number, times: number[], values: number[]}} Course what was used, in a
 *   frame that shows how it changed
 * @typedef {{words: string, course: Course|null}} Trend course: null where too little is known for a line
 */

/**
 * Each bar's trend, by its key.
 *
 * @param {import("./past_answer.js").PastAnswer} answer of a panel of bars, one aggregate a series
 * @returns {Map<string, Trend>}
 */
export function trendsOf({ head, columns, times }) {
  const lines = layoutOf({ panel: head, labels: new Map() })?.lines ?? [];
  /** @type {Map<string, import("./lines.js").Line[]>} */ const bars = new Map();
  for (const line of lines) bars.set(line.key, [...(bars.get(line.key) ?? []), line]);
  const used = (parts) => Float64Array.from(times, (_, row) => parts.reduce((sum, { column }) => sum + columns[column][row], 0));
  return new Map([...bars].map(([key, parts]) => {
    const [values, whole] = [used(parts), columns[parts[0].whole]?.at(-1) ?? NaN];
    return [key, { words: trendWords(times, values, whole), course: courseOf(times, values, whole) }];
  }));
}

/**
 * A line of what was used, in the middle of its frame.
 *
 * @param {ArrayLike<number>} times Unix ms, rising @param {ArrayLike<number>} used @param {number} whole @returns {Course|null}
 */
export function courseOf(times, used, whole) {
  const values = Array.from(used);
  const some = values.filter((value) => value === value);
  if (!(whole > 0) || some.length < LEAST.points) return null;
  const [least, most] = [Math.min(...some), Math.max(...some)];
  const beside = Math.max(0, REACH * whole - (most - least)) / 2 + 0.01 * whole;
  return { from: times[0], to: times[times.length - 1], low: least - beside, high: most + beside, times: Array.from(times), values };
}

/**
 * @param {ArrayLike<number>} times Unix ms, rising @param {ArrayLike<number>} used NaN where nothing is known
 * @param {number} whole in the same unit
 */
export function trendWords(times, used, whole) {
  const rows = Array.from(times, (_, i) => i).filter((i) => used[i] === used[i]);
  const days = rows.length ? (times[/** @type {number} */ (rows.at(-1))] - times[rows[0]]) / DAY_MS : 0;
  if (!(whole > 0) || rows.length < LEAST.points || days < LEAST.days) return "too little past for a trend";
  const { slope, fit } = straightLine(rows.map((i) => times[i] / DAY_MS), rows.map((i) => used[i]));
  if (Math.abs(slope) * days < STEADY * whole) return "steady";
  if (fit < STRAIGHT) return "no clear trend";
  if (slope < 0) return "gets emptier";
  const left = (whole - used[/** @type {number} */ (rows.at(-1))]) / slope;
  if (left > DAYS_MAX) return `fills slowly, full in more than ${DAYS_MAX} days`;
  return left < 2 ? `full in about ${Math.max(1, Math.round(left * 24))} hours` : `full in about ${Math.round(left)} days`;
}

/** The least squares: its slope, and what share of the variation it explains. @param {number[]} x @param {number[]} y */
function straightLine(x, y) {
  const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const [middleX, middleY] = [mean(x), mean(y)];
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (let i = 0; i < x.length; i += 1) {
    xx += (x[i] - middleX) ** 2;
    xy += (x[i] - middleX) * (y[i] - middleY);
    yy += (y[i] - middleY) ** 2;
  }
  return { slope: xy / xx, fit: yy > 0 ? xy ** 2 / (xx * yy) : 1 };
}
