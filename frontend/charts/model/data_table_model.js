/** A chart in words and numbers: a table for those who do not see the chart. */

import { formatValue } from "./format.js";

const COLUMNS = Object.freeze(["Series", "Now", "Lowest", "Average", "Highest"]);

/**
 * @param {{layout: import("./lines.js").Layout, store: import("../../client/store.js").StreamStore, from: number, to: number}} options
 *   from, to: Unix ms; Now is the window's newest row
 * @returns {{columns: readonly string[], rows: string[][]}} one row a line, as they are drawn
 */
export function dataTableOf({ layout, store: { ring, bands }, from, to }) {
  const first = ring.firstAtOrAfter(from);
  const end = ring.firstAtOrAfter(to + 1);
  const rows = layout.lines.map((line) => {
    const figures = summed(ring, { mean: line.column, ...(bands?.get(line.column) ?? { low: line.column, high: line.column }) }, first, end);
    return [line.name, ...figures.map((value) => formatValue(value, layout.unit))];
  });
  return { columns: COLUMNS, rows };
}

/** @returns {[now: number, lowest: number, average: number, highest: number]} NaN where there is no reading */
function summed(ring, { mean, low: lowest, high: highest }, first, end) {
  let low = Infinity;
  let high = -Infinity;
  let sum = 0;
  let count = 0;
  for (let row = first; row < end; row += 1) {
    const value = ring.value(mean, row);
    if (Number.isNaN(value)) continue;
    low = Math.min(low, ring.value(lowest, row));
    high = Math.max(high, ring.value(highest, row));
    sum += value;
    count += 1;
  }
  const now = end > first ? ring.value(mean, end - 1) : NaN;
  return count ? [now, low, sum / count, high] : [now, NaN, NaN, NaN];
}
