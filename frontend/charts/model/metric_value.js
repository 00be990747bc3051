/** One number of a metric's series, as a page elsewhere asks for it: added up there, and judged by limits of its own. */

import { formatValue } from "./format.js";
import { levelAfter } from "./levels.js";

/** What may become of several series, of values that are all known. @type {Record<string, (values: number[]) => number>} */
const REDUCERS = Object.freeze({
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  avg: (values) => REDUCERS.sum(values) / values.length,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
});

/**
 * @typedef {(ring: import("../../client/ring.js").Ring, row: number) => number} ValueOf the number of one row, NaN for none
 * @typedef {{warning?: number, critical?: number}} Limits
 */

/** The number of all columns. @param {string} [reduce] sum, avg, min or max @returns {ValueOf} */
export const ofAll = (reduce = "sum") => (ring, row) => {
  const values = [];
  for (let column = 0; row >= 0 && column < ring.width; column += 1) {
    const value = ring.value(column, row);
    if (!Number.isNaN(value)) values.push(value);
  }
  return values.length ? REDUCERS[reduce](values) : NaN;
};

/**
 * The level that the number has, by what the ring holds of it.
 *
 * @param {import("../../client/ring.js").Ring} ring @param {ValueOf} valueOf @param {Limits} limits
 * @returns {import("./headline.js").Level}
 */
export function lastingLevel(ring, valueOf, limits) {
  const moments = Array.from({ length: ring.length }, (_, row) => /** @type {[number, number]} */ ([ring.time(row), valueOf(ring, row)]));
  return levelAfter(moments, limits);
}

/** The limits in words; empty where there are none. @param {Limits} limits @param {string} unit */
export function limitWords(limits, unit) {
  const words = ["warning", "critical"].flatMap((level) => (limits[level] === undefined ? [] : [`${level} from ${formatValue(limits[level], unit)}`]));
  return words.join(", ");
}
