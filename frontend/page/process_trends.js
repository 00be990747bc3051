/** The last minute of each process's CPU, of what the table brought: a line so small that it needs no axis. */

/** Readings kept of each, and how wide and high its line is. */
export const KEPT = 30;
export const TREND = Object.freeze({ width: 58, height: 16 });
const DOT = 2;
/** Less than this share of a CPU looks like little. */
const FULL_MIN = 0.1;

export class Trends {
  /** @type {Map<any, number[]>} by pid, the newest last */ #values = new Map();
  #time = NaN;

  /** @param {number} time of the rows @param {string[]} columns @param {any[][]} rows */
  take(time, columns, rows) {
    if (time === this.#time) return;
    this.#time = time;
    const at = columns.indexOf("cpu");
    const age = columns.indexOf("age");
    const now = new Map(rows.map((row) => [row[0], row]));
    for (const [pid, values] of this.#values) {
      const row = now.get(pid);
      // One that is younger than its line has taken over the pid.
      if (row && !(row[age] < values.length)) this.#put(values, row[at]);
      else if (row || values.push(NaN) > KEPT) this.#values.delete(pid);
      now.delete(pid);
    }
    for (const [pid, row] of now) this.#values.set(pid, [row[at] ?? NaN]);
  }

  #put(values, value) {
    values.push(value ?? NaN);
    if (values.length > KEPT) values.shift();
  }

  /** The path of the sum of some; empty before there are two readings. @param {any[]} pids */
  path(pids) {
    return trendPath(sumsOf(pids.map((pid) => this.#values.get(pid)).filter((values) => values !== undefined)));
  }
}

/** Of each reading the sum of those that there are. @param {number[][]} some the newest last @returns {number[]} */
export function sumsOf(some) {
  const sums = Array(Math.max(0, ...some.map(({ length }) => length))).fill(NaN);
  for (const values of some) {
    const lead = sums.length - values.length;
    values.forEach((value, i) => {
      if (!Number.isNaN(value)) sums[lead + i] = (Number.isNaN(sums[lead + i]) ? 0 : sums[lead + i]) + value;
    });
  }
  return sums;
}

/** @param {number[]} values the newest last, NaN for none */
export function trendPath(values) {
  const high = Math.max(FULL_MIN, ...values.filter((value) => !Number.isNaN(value)));
  const step = TREND.width / (KEPT - 1);
  const left = TREND.width - (values.length - 1) * step;
  const places = values.map((value, i) => [left + i * step, TREND.height - 1 - (value / high) * (TREND.height - 2)]);
  if (places.length < 2) return "";
  const known = (i) => !Number.isNaN(places[i]?.[1] ?? NaN);
  let path = "";
  places.forEach(([x, y], i) => {
    if (!known(i)) return;
    // What was there for one reading alone is seen all the same.
    if (!known(i - 1) && !known(i + 1)) path += `M${(x - DOT / 2).toFixed(1)} ${y.toFixed(1)}h${DOT}`;
    else path += `${known(i - 1) ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return path;
}
