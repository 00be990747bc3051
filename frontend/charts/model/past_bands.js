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
 * How high the whole of a stack reached at most, above the axis and below it.
 *
 * @returns {Extra[]}
 */
export function peaksOf({ store, layout, shapes, highs, from, to, width }) {
  const { lines, headline, unit } = layout;
  return [false, true].flatMap((down) => {
    const own = lines.flatMap((line, i) => (line.down === down ? [i] : []));
    if (!own.length) return [];
    const whole = wholeOf(shapes, own, down);
    // Those of all lines together need not have been at one time: the server knows a closer bound, where its number is of all.
    const number = headline.which < 0 ? headline.numbers.find((one) => one.unit === unit && Boolean(one.down) === down) : undefined;
    const known = number && pastPointsOf(store, [number.column], { from, to, width });
    const top = known && alike(known.tracks[0], whole) ? known.highs[0] : summed(own.map((i) => highs[i]));
    const reached = top.map((value, at) => Math.max(value, whole[at]));
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

function summed(tracks) {
  const sum = new Float64Array(tracks[0].length).fill(NaN);
  for (const track of tracks) for (let at = 0; at < sum.length; at += 1) if (track[at] === track[at]) sum[at] = (sum[at] || 0) + track[at];
  return sum;
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
