/** Which lines of a chart a moment is about: the greatest of them, and the one under a pointer. Pure. */

const NAMED = 5;

/**
 * The lines with the greatest values, the first first; what goes up and what goes down of one counts together.
 *
 * @param {import("./lines.js").Line[]} lines @param {ArrayLike<number>} values one a line
 * @returns {{key: string, label: string, color: number, value: number}[]}
 */
export function greatest(lines, values, most = NAMED) {
  /** @type {Map<string, {key: string, label: string, color: number, value: number}>} */ const sums = new Map();
  lines.forEach(({ key, label, color }, i) => {
    if (!(values[i] > 0)) return;
    const before = sums.get(key);
    sums.set(key, { key, label, color: before?.color ?? color, value: (before?.value ?? 0) + values[i] });
  });
  return [...sums.values()].sort((a, b) => b.value - a.value).slice(0, most);
}

/**
 * The key of the band at a place of a chart; empty where there is none.
 *
 * @param {import("./chart_model.js").LinesModel} model @param {number} time Unix ms @param {number} share from the top of
 *   the drawing area, 0 to 1
 */
export function bandAt({ times, shapes, low, high }, time, share) {
  const value = high - share * (high - low);
  const after = times.findIndex((one) => one >= time);
  const at = after < 0 ? times.length - 1 : after;
  const near = at > 0 && time - times[at - 1] < times[at] - time ? at - 1 : at;
  const holds = ({ top, base }) => Math.min(top[near], base[near]) <= value && value <= Math.max(top[near], base[near]) && top[near] !== base[near];
  return shapes.find(holds)?.key ?? "";
}
