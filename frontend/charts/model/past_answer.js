/** One answer about a panel's past: its rows in order, each with how long its step is, and what is missing between them. */

import { seriesKey } from "../../client/protocol.js";

const TIER_MS = Object.freeze({ raw: 0, "1m": 60_000, "10m": 600_000, "1h": 3_600_000 });
/** What two parts of one step come to; of others the later counts. */
const FOLD = Object.freeze({ min: Math.min, max: Math.max, avg: (a, b) => (a + b) / 2 });
/** Steps so many times as far apart as they are long have others missing between them. */
const APART = 1.75;

/**
 * Rows rise in time: where the clock was set back, what it had dated later goes, as in live streams; `twice` tells. Where
 * it was within a step, the two parts are one.
 *
 * from, to, asked: what was asked for, Unix ms; stepMs: the shortest step; aggregates: 1 or 3 columns a series, of which three
 * are mean, least and greatest; head: what the server says of the panel; partial: whether it begins later than was asked
 */
export class PastAnswer {
  /** @param {any} result the server's @param {{from: number, to: number, stepMs: number}} asked of a token, more than it may see */
  constructor({ type: _type, id: _id, stream: _stream, source: _source, start: _start, end: _end, step, tiers, expired, aggregate, series, times, values, ...head }, { from, to, stepMs }) {
    this.from = from;
    this.to = to;
    this.asked = stepMs;
    this.stepMs = step * 1000;
    this.tiers = tiers;
    this.aggregates = aggregate.length;
    this.head = { ...head, series };
    this.keys = series.map(seriesKey);
    this.index = new Map(this.keys.map((key, i) => [key, i]));
    this.#take(times, values, aggregate);
    this.partial = this.#isPartial(expired);
  }

  /** @type {Float64Array} the end of each step */ times = new Float64Array(0);
  /** @type {Float64Array} */ steps = this.times;
  /** @type {Uint8Array} why there is a hole before a row: 0 for none, 1 for missing, 2 for the clock */ holes = new Uint8Array(0);
  /** @type {Float64Array[]} */ columns = [];
  /** What was recorded twice, of which the later is here; null where the clock was not set back. @type {{from: number, to: number}|null} */ twice = null;

  get length() {
    return this.times.length;
  }

  /** How much memory it takes, in values. */
  get size() {
    return this.length * (this.columns.length + 2);
  }

  #take(times, values, aggregate) {
    const { rows, holes, steps, twice, parts } = inOrder(times, (time) => this.#stepOf(time));
    this.twice = twice;
    this.times = Float64Array.from(rows, (row) => times[row]);
    this.steps = Float64Array.from(steps);
    this.holes = Uint8Array.from(holes);
    this.columns = values.map((column, i) => {
      const fold = FOLD[aggregate[i % aggregate.length]];
      const valueOf = (row) => both(parts.has(row) ? valueOf(parts.get(row)) : NaN, column[row] ?? NaN, fold);
      return Float64Array.from(rows, valueOf);
    });
  }

  /** How long the step is that ends then: no shorter than what it is made of. */
  #stepOf(time) {
    // The last step ends after what was asked for, where that ends within it.
    const found = this.tiers.find(({ start, end }) => time > start && time <= end) ?? this.tiers.findLast(({ start }) => time > start);
    return Math.max(this.stepMs, TIER_MS[found?.tier] ?? 0);
  }

  /** Whether it begins later than was asked for. */
  #isPartial(expired) {
    if (expired !== undefined && expired !== null) return true;
    return !this.length || this.times[0] - this.from > 3 * this.steps[0];
  }

  /** How long the step is that holds a moment, in ms. @param {number} time Unix ms */
  stepAt(time) {
    return this.steps[this.after(time - 1)] ?? this.stepMs;
  }

  /** Whether the first step that ends after `time` has begun then. @param {number} time Unix ms */
  begun(time) {
    const row = this.after(time);
    return row < this.length && this.times[row] - this.steps[row] < time;
  }

  /** The row of the first step that ends after `time`. */
  after(time) {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A step of which an earlier part has another value. */
function both(earlier, later, fold) {
  if (Number.isNaN(later)) return earlier;
  return fold && !Number.isNaN(earlier) ? fold(earlier, later) : later;
}

/** `parts`: by row the one before, which is of the same step. @param {number[]} times @param {(time: number) => number} stepAt */
function inOrder(times, stepAt) {
  const rows = [];
  const holes = [];
  const steps = [];
  let before = NaN;
  let twice = null;
  const parts = new Map();
  times.forEach((time, row) => {
    let hole = 0;
    if (time === before && times[/** @type {number} */ (rows.at(-1))] === time) {
      parts.set(row, rows.at(-1));
      rows[rows.length - 1] = row;
      return;
    }
    if (time <= before) {
      twice = { from: Math.min(time, twice?.from ?? time), to: Math.max(before, twice?.to ?? before) };
      while (rows.length && times[/** @type {number} */ (rows.at(-1))] >= time) {
        rows.pop();
        holes.pop();
        steps.pop();
      }
      hole = 2;
    }
    const step = stepAt(time);
    if (!hole && rows.length && time - before > APART * Math.max(step, /** @type {number} */ (steps.at(-1)))) hole = 1;
    rows.push(row);
    holes.push(rows.length > 1 ? hole : 0);
    steps.push(step);
    before = time;
  });
  return { rows, holes, steps, twice, parts };
}
