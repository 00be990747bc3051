/** Whether a panel shows nothing that moves, since when, and how to say so in a line. Pure. */

import { formatDuration, formatValue, isRatio } from "./format.js";
import { layoutOf } from "./lines.js";

/** So small a part of the least span of its axis nobody sees. */
const UNSEEN = 0.001;

/**
 * @typedef {{since: number, level: number}} Stillness since: Unix ms, of the first reading that is as the newest;
 *   level: what all lines are at together, NaN where there is no reading
 */

/**
 * @param {{panel: any, labels: Map<number, string>, ring: import("../../client/ring.js").Ring}} store
 * @returns {Stillness|null} null where nothing is known
 */
export function stillnessOf(store) {
  const layout = layoutOf(store);
  const { ring } = store;
  if (!layout?.lines.length || !ring.length) return null;
  const columns = layout.lines.map(({ column }) => column);
  const slack = layout.spanMin * UNSEEN;
  const last = ring.length - 1;
  const now = columns.map((column) => ring.value(column, last));
  const same = (row) => columns.every((column, i) => {
    const value = ring.value(column, row);
    return Math.abs(value - now[i]) <= slack || (value !== value && now[i] !== now[i]);
  });
  let row = last;
  while (row > 0 && same(row - 1)) row -= 1;
  const known = now.filter((value) => value === value);
  const level = known.reduce((sum, value) => sum + (Math.abs(value) <= slack ? 0 : value), known.length ? 0 : NaN);
  return { since: ring.time(row), level };
}

/** `Network errors: none for 15 min`. @param {string} title @param {Stillness} still @param {{now: number, unit: string}} options */
export function stillWords(title, { since, level }, { now, unit }) {
  const what = level === 0 && !isRatio(unit) ? "none" : Number.isNaN(level) ? "no values" : formatValue(level, unit);
  return `${title}: ${what} for ${formatDuration(Math.max(60, Math.round((now - since) / 60_000) * 60))}`;
}
