/** SVG path data for a shape: its line and the area down to its base, broken where there is no reading. */

const TEXTS_MAX = 40_000;
/** @type {string[]} texts of tenths of a pixel: turning numbers into text is most of a path's cost */ const texts = [];

/** A tenth of a pixel is more than anyone sees. @param {number} pixels */
function text(pixels) {
  const tenths = Math.round(pixels * 10);
  if (!(tenths >= 0 && tenths < TEXTS_MAX)) return String(tenths / 10);
  return (texts[tenths] ??= String(tenths / 10));
}

/** The horizontal places of a picture's points as text, made once for all its paths. */
export const placesOf = (times, x) => Array.from(times, (time) => `${text(x(time))},`);

/**
 * @param {string[]} places @param {Float64Array} values @param {(value: number) => number} y to pixels
 */
export function linePath(places, values, y) {
  let path = "";
  let pen = "M";
  for (let i = 0; i < places.length; i += 1) {
    const value = values[i];
    if (value !== value) {
      pen = "M";
      continue;
    }
    path += pen + places[i] + text(y(value));
    pen = "L";
  }
  return path;
}

/** The area between `values` and `base`, one closed polygon for each stretch without a gap; none where it is empty. */
export function areaPath(places, values, base, y) {
  if (values.every((value, i) => value === base[i] || value !== value)) return "";
  let path = "";
  for (const [start, end] of stretches(values)) {
    let pen = "M";
    for (let i = start; i < end; i += 1) {
      path += pen + places[i] + text(y(values[i]));
      pen = "L";
    }
    if (flat(base, start, end)) {
      const level = text(y(base[start]));
      path += `L${places[end - 1]}${level}L${places[start]}${level}Z`;
      continue;
    }
    for (let i = end - 1; i >= start; i -= 1) path += "L" + places[i] + text(y(base[i]));
    path += "Z";
  }
  return path;
}

function flat(values, start, end) {
  for (let i = start + 1; i < end; i += 1) if (values[i] !== values[start]) return false;
  return true;
}

/** The same polygons as points, separated by NaN: what a charting library fills to itself. */
export function areaPoints(times, values, base) {
  const x = [];
  const y = [];
  for (const [start, end] of stretches(values)) {
    if (x.length) {
      x.push(times[start]);
      y.push(NaN);
    }
    for (let i = start; i < end; i += 1) {
      x.push(times[i]);
      y.push(values[i]);
    }
    for (let i = end - 1; i >= start; i -= 1) {
      x.push(times[i]);
      y.push(base[i]);
    }
  }
  return { x, y };
}

/** Runs of readings without a hole, as [start, end). */
function stretches(values) {
  const runs = [];
  let start = -1;
  for (let i = 0; i <= values.length; i += 1) {
    const there = i < values.length && values[i] === values[i];
    if (there && start < 0) start = i;
    if (!there && start >= 0) {
      runs.push([start, i]);
      start = -1;
    }
  }
  return runs;
}
