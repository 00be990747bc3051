/** What is drawn beside lines of means: how far each went in a step, or how high a stack's whole peaked. */

import { pastPointsOf } from "./past_points.js";

/**
 * @typedef {{kind: "band"|"peak"|"ghost", color: number, top: Float64Array, base: Float64Array|null, times: Float64Array}} Extra
 *   base: the lower edge of what is filled, null for a line
 */

/** Least to greatest of each line. @param {import("./lines.js").Line[]} lines @param {Float64Array[]} lows @param {Float64Array[]} highs */
export function bandsOf(lines, lows, highs) {
  return lines.map(({ color, down }, i) => {
    const [top, base] = down ? [negated(lows[i]), negated(highs[i])] : [highs[i], lows[i]];
    return /** @type {Extra} */ ({ kind: "band", color, top, base });
  });
}

/**
 * How high the whole of a stack reached, above the axis and below it.
 *
 * @returns {Extra[]}
 */
export function peaksOf({ store, layout, shapes, lows, highs, from, to, width }) {
  const { lines, headline, unit } = layout;
  return [false, true].flatMap((down) => {
    const own = lines.flatMap((line, i) => (line.down === down ? [i] : []));
    if (!own.length) return [];
    const whole = wholeOf(shapes, own, down);
    // The lines need not have peaked at one time. Where the panel's number is of all of them, the server knows a bound.
    const number = headline.which < 0 ? headline.numbers.find((one) => one.unit === unit && Boolean(one.down) === down) : undefined;
    const known = number && pastPointsOf(store, [number.column], { from, to, width });
    const top = known && alike(known.tracks[0], whole) ? known.highs[0] : leastPeak(own.map((i) => ({ low: lows[i], high: highs[i] })));
    // Bounds of shares may be above all there is.
    const most = layout.max > 0 ? layout.max : Infinity;
    const reached = top.map((value, at) => Math.max(Math.min(value, most), whole[at]));
    return [/** @type {Extra} */ ({ kind: "peak", color: 0, top: down ? negated(reached) : reached, base: null })];
  });
}

function wholeOf(shapes, own, down) {
  const length = shapes[0].top.length;
  const whole = new Float64Array(length).fill(NaN);
  for (const i of own) {
    for (let at = 0; at < length; at += 1) {
      const value = down ? -shapes[i].top[at] : shapes[i].top[at];
      if (!(whole[at] >= value) && value === value) whole[at] = value;
    }
  }
  return whole;
}

/** What the whole reached for certain: as one line peaked, the others were at their least or above. */
function leastPeak(lines) {
  const { length } = lines[0].low;
  const out = new Float64Array(length).fill(NaN);
  for (let at = 0; at < length; at += 1) {
    let [floor, rise] = [NaN, 0];
    for (const { low, high } of lines) {
      if (low[at] !== low[at]) continue;
      floor = (floor || 0) + low[at];
      rise = Math.max(rise, high[at] - low[at]);
    }
    out[at] = floor + rise;
  }
  return out;
}

/** Whether two tell the same, by their newest values. */
function alike(one, other) {
  for (let at = one.length - 1; at >= 0; at -= 1) {
    const [a, b] = [one[at], other[at]];
    if (a === a && b === b) return Math.abs(a - b) <= 0.02 * Math.max(Math.abs(a), Math.abs(b));
  }
  return false;
}

function negated(values) {
  return values.map((value) => 0 - value);
}
