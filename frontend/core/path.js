/** SVG path data for a shape: its line and the area down to its base, broken where there is no reading. */

const round = (pixels) => Math.round(pixels * 100) / 100;

/**
 * @param {Float64Array} times @param {Float64Array} values
 * @param {(time: number) => number} x @param {(value: number) => number} y to pixels
 */
export function linePath(times, values, x, y) {
  let path = "";
  let pen = "M";
  for (let i = 0; i < times.length; i += 1) {
    const value = values[i];
    if (value !== value) {
      pen = "M";
      continue;
    }
    path += `${pen}${round(x(times[i]))},${round(y(value))}`;
    pen = "L";
  }
  return path;
}

/** The area between `values` and `base`, one closed polygon for each stretch without a gap. */
export function areaPath(times, values, base, x, y) {
  let path = "";
  for (const [start, end] of stretches(values)) {
    let pen = "M";
    for (let i = start; i < end; i += 1) {
      path += `${pen}${round(x(times[i]))},${round(y(values[i]))}`;
      pen = "L";
    }
    for (let i = end - 1; i >= start; i -= 1) path += `L${round(x(times[i]))},${round(y(base[i]))}`;
    path += "Z";
  }
  return path;
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
