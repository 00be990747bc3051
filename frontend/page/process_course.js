/** What one process did over the window: asked for, and cut to the one that is meant of those that had its pid. */

/** A start is worked out by clocks that are apart: of one pid such a difference is none. */
const SAME_START_MS = 3000;
const POINTS = 120;
/** Steps further apart than so many have a gap between them. */
const GAP_STEPS = 2.5;

/** Its lines, with the unit of each. */
export const LINES = Object.freeze([
  { column: "cpu", label: "CPU", unit: "1" },
  { column: "memory", label: "Memory", unit: "By" },
  { column: "read", label: "Read", unit: "By/s" },
  { column: "write", label: "Written", unit: "By/s" },
]);

/** @param {number} pid @param {{from: number, to: number}} window */
export const courseQuestion = (pid, { from, to }) => ({ table: "processes", keys: [pid], start: Math.round(from), end: Math.round(to), points: POINTS, stream: "@process" });

/**
 * @typedef {{times: number[], values: number[], peak: number}} Line NaN where it was not recorded
 * @param {{columns: {name: string}[], rows: any[][], start: number, end: number, interval: number}} answer
 * @param {number|null} started Unix ms, null where that is not known
 * @returns {{lines: Record<string, Line>, steps: number, newest: Record<string, any>|null}}
 */
export function courseOf({ columns, rows, start, end, interval }, started) {
  const names = columns.map(({ name }) => name);
  const at = names.indexOf("started");
  const own = started === null ? rows : rows.filter((row) => Math.abs(row[at] - started) <= SAME_START_MS);
  const stepMs = Math.max((end - start) / POINTS, interval * 1000);
  const lines = Object.fromEntries(LINES.map(({ column }) => [column, lineOf(own, names, column, stepMs)]));
  const last = own.at(-1);
  return { lines, steps: own.length, newest: last ? Object.fromEntries(names.map((name, i) => [name, last[i]])) : null };
}

function lineOf(rows, names, column, stepMs) {
  const [time, value, peak] = ["time", column, column === "cpu" ? "cpu_peak" : column].map((name) => names.indexOf(name));
  const line = { times: /** @type {number[]} */ ([]), values: /** @type {number[]} */ ([]), peak: NaN };
  for (const row of rows) {
    const before = line.times.at(-1);
    if (before !== undefined && row[time] - before > GAP_STEPS * stepMs) {
      line.times.push(before + 1);
      line.values.push(NaN);
    }
    line.times.push(row[time]);
    line.values.push(row[value] ?? NaN);
    if (row[peak] !== null && !(row[peak] <= line.peak)) line.peak = row[peak];
  }
  return line;
}

/** How much of the window it was recorded in, and why not always, in words. @param {number} steps @param {{recorded?: boolean}} [more] */
export function recordedWords(steps) {
  if (steps > 1) return "Where a line is missing it was not among those that use most: the recorder keeps the first 20 by CPU, memory, reads and writes.";
  return "Nothing to draw: in this window it was not among the first 20 by CPU, memory, reads or writes, which are those that the recorder keeps.";
}
