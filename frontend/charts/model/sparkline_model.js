/** The last minute of one number: its points as a small line, and how high that reaches. */

import { possible, valueAt } from "./lines.js";
import { areaPath, linePath, placesOf } from "./svg_path.js";

/** Room above the highest point, so that the line does not end at the edge. */
const HEADROOM = 1.08;

/** @typedef {{times: number[], values: number[]}} Points where values are missing, a point without one */

/**
 * One number over time.
 *
 * @param {import("../../client/ring.js").Ring} ring @param {(ring: any, row: number) => number} valueOf of one row
 * @returns {Points}
 */
export function sparkPoints(ring, valueOf) {
  const points = { times: /** @type {number[]} */ ([]), values: /** @type {number[]} */ ([]) };
  for (let row = 0; row < ring.length; row += 1) {
    if (ring.broken(row)) put(points, ring.time(row), NaN);
    put(points, ring.time(row), possible(valueOf(ring, row)));
  }
  return points;
}

function put({ times, values }, time, value) {
  times.push(time);
  values.push(value);
}

/** The number of a column. @param {number} column */
export const ofColumn = (column) => (ring, row) => valueAt(ring, column, row);

/**
 * What the chart reaches from and to.
 *
 * @param {number} end as high as it reaches at least: a share of something to all of it, so that little looks little
 * @param {number[]} values
 */
export function sparkReach(end, values) {
  let low = 0;
  let high = end;
  for (const value of values) {
    if (value < low) low = value;
    if (value * HEADROOM > high) high = value * HEADROOM;
  }
  return { low, high: high > low ? high : low + 1 };
}

/**
 * The line, and the area below it, as paths.
 *
 * @param {Points} points @param {{from: number, to: number, low: number, high: number, width: number, height: number}} frame
 */
export function sparkPaths({ times, values }, { from, to, low, high, width, height }) {
  const first = times.findIndex((time) => time >= from);
  if (first < 0) return { line: "", area: "" };
  const shown = Float64Array.from(values.slice(first));
  const places = placesOf(times.slice(first), (time) => ((time - from) / (to - from)) * width);
  const y = (value) => ((high - value) / (high - low)) * height;
  return { line: linePath(places, shown, y), area: areaPath(places, shown, shown.map(() => low), y) };
}
