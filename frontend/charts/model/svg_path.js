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
  return stretches(values)
    .map(([start, end]) => openPath(places, values, y, start, end))
    .join("");
}

/** The area between `values` and `base`, one closed polygon for each stretch without a gap; none where it is empty. */
export function areaPath(places, values, base, y) {
  return bothPaths(places, values, base, y).area;
}

/** A line and the area down to its base, whose upper edges are the same. @returns {{line: string, area: string}} */
export function bothPaths(places, values, base, y) {
  let line = "";
  let area = "";
  const nothing = empty(values, base);
  for (const [start, end] of stretches(values)) {
    const edge = openPath(places, values, y, start, end);
    line += edge;
    if (!nothing) area += edge + closing(places, base, y, start, end);
  }
  return { line, area };
}

/** One stretch; of a run at one level, which many lines are most of the time, only the ends. */
function openPath(places, values, y, start, end) {
  let level = text(y(values[start]));
  let path = `M${places[start]}${level}`;
  let written = start;
  for (let i = start + 1; i < end; i += 1) {
    const next = text(y(values[i]));
    if (next === level) continue;
    if (written < i - 1) path += "L" + places[i - 1] + level;
    path += "L" + places[i] + next;
    level = next;
    written = i;
  }
  return written < end - 1 ? `${path}L${places[end - 1]}${level}` : path;
}

/** Back along the base. */
function closing(places, base, y, start, end) {
  if (flat(base, start, end)) {
    const level = text(y(base[start]));
    return `L${places[end - 1]}${level}L${places[start]}${level}Z`;
  }
  let path = "";
  for (let i = end - 1; i >= start; i -= 1) path += "L" + places[i] + text(y(base[i]));
  return `${path}Z`;
}

function empty(values, base) {
  for (let i = 0; i < values.length; i += 1) if (values[i] === values[i] && values[i] !== base[i]) return false;
  return true;
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
