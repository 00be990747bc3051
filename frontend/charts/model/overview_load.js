/** How busy the machine was: of what history answers of its idle time, lines to draw and the holes between them. */

/** Nothing for so many steps is a hole, and no late reading. */
const HOLE_STEPS = 2.5;

/**
 * @typedef {{times: number[], mean: number[], peak: number[], holes: {from: number, to: number}[]}} Load
 *   shares from 0 to 1 at the ends of their steps; a peak is the busiest moment of its step, however long that is
 */

/** The query of a part: the least of the idle share is the most of the busy one. @param {{from: number, to: number, points: number}} part */
export const loadQuery = ({ from, to, points }) => ({
  metrics: ["system.cpu.utilization"],
  where: { "cpu.mode": ["idle"] },
  aggregate: ["avg", "min"],
  start: Math.max(0, Math.round(from)),
  end: Math.round(to),
  points,
});

/** @param {{times: number[], values: (number|null)[][], step: number}} result @returns {Load} */
export function loadOf({ times, values: [idle = [], least = []], step }) {
  const busy = (share) => (typeof share === "number" ? Math.min(1, Math.max(0, 1 - share)) : NaN);
  return { times, mean: times.map((_, i) => busy(idle[i])), peak: times.map((_, i) => busy(least[i])), holes: holesOf(times, step * 1000) };
}

/** Steps are longer where only a coarser tier reaches: what is usual is what stands on both sides. */
function holesOf(times, stepMs) {
  const length = (i) => (i > 0 && i < times.length ? times[i] - times[i - 1] : 0);
  const holes = [];
  for (let i = 1; i < times.length; i += 1) {
    const usual = Math.max(stepMs, length(i - 1), length(i + 1));
    if (length(i) > HOLE_STEPS * usual) holes.push({ from: times[i - 1], to: times[i] - usual });
  }
  return holes;
}

/** Several as one: where a later one begins, earlier ones end. @param {Load[]} loads in order @returns {Load} */
export function joined(loads) {
  const ends = loads.map((_, i) => loads.slice(i + 1).find(({ times }) => times.length)?.times[0] ?? Infinity);
  const kept = loads.map((load, i) => {
    const count = load.times.filter((time) => time < ends[i]).length;
    const [times, mean, peak] = [load.times, load.mean, load.peak].map((column) => column.slice(0, count));
    return { times, mean, peak, holes: load.holes.filter(({ from }) => from < ends[i]) };
  });
  const all = (/** @type {keyof Load} */ key) => /** @type {any[]} */ (kept.flatMap((load) => load[key]));
  return { times: all("times"), mean: all("mean"), peak: all("peak"), holes: all("holes") };
}

/**
 * The outline of the area below a line, from the left to the right, with a foot on both sides of each hole.
 *
 * @param {Load} load @param {"mean"|"peak"} which @param {{placeOf: (time: number) => number, height: number}} frame
 */
export function areaPath({ times, holes, ...load }, which, { placeOf, height }) {
  const starts = new Set(holes.map(({ from }) => from));
  const parts = [];
  let open = false;
  const close = (i) => {
    if (open) parts.push(`L${placeOf(times[i]).toFixed(1)} ${height}Z`);
    open = false;
  };
  load[which].forEach((value, i) => {
    if (Number.isNaN(value)) return close(i - 1);
    const x = placeOf(times[i]).toFixed(1);
    if (!open) parts.push(`M${x} ${height}`);
    open = true;
    parts.push(`L${x} ${((1 - value) * height).toFixed(1)}`);
    return starts.has(times[i]) ? close(i) : undefined;
  });
  close(times.length - 1);
  return parts.join("");
}
