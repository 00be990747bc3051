/** Fewer points than readings, so that each pixel's highest and lowest stay: what the drawn lines are made of. */

import { possible } from "./lines.js";

/** How many bucket widths are kept ready for one ring: a live window and a zoom into it. */
const KEPT_MAX = 3;

/**
 * Points in order of time. Of a bucket with several rows there are two, at its first and its last row's time, with
 * each track's lowest and highest there; where readings are missing between two points stands one of NaN.
 *
 * @typedef {{times: Float64Array, tracks: Float64Array[]}} Points one track a column
 */

/**
 * The points of a ring's columns in a window, and one beyond each edge, so that a line enters and leaves.
 *
 * @param {import("../../client/ring.js").Ring} ring @param {number[]} columns
 * @param {{from: number, to: number, width: number, intervalMs: number, piles?: number[]|null, peaks?: boolean}} options
 *   width: no more points than this, in pixels; piles: tracks are running sums, each pile's for itself, of which
 *   `piles` has one for each column; peaks: one point a bucket, at its last row's time, with the highest
 * @returns {Points}
 */
export function pointsOf(ring, columns, { from, to, width, intervalMs, piles = null, peaks = false }) {
  const most = Math.max(peaks ? 16 : 64, Math.round(width));
  const first = Math.max(0, ring.firstAtOrAfter(from) - 1);
  const end = Math.min(ring.length, ring.firstAtOrAfter(to) + 1);
  const span = to - from;
  const many = span / intervalMs > most || end - first > 1.25 * most;
  if (!many) return rowsAsPoints(ring, columns, first, end, piles);
  const buckets = bucketsOf(ring, columns, bucketOf(span, peaks ? most : most / 2, intervalMs), piles);
  return buckets.points(from, to, peaks);
}

/** A whole number of intervals, so that all buckets hold as many rows and no pattern arises from their edges. */
const bucketOf = (span, most, intervalMs) => Math.ceil(span / most / intervalMs) * intervalMs;

/** The values of one row: as they are, or as running sums in which a hole adds nothing. */
function readTracks(ring, columns, row, piles, into) {
  let near = 0;
  let far = 0;
  for (let i = 0; i < columns.length; i += 1) {
    const value = possible(ring.value(columns[i], row));
    if (piles === null) into[i] = value;
    else if (piles[i] === 0) {
      into[i] = near + value;
      if (value === value) near += value;
    } else {
      into[i] = far + value;
      if (value === value) far += value;
    }
  }
}

function rowsAsPoints(ring, columns, first, end, piles) {
  const out = new Output(columns.length, 2 * Math.max(0, end - first));
  const values = new Float64Array(columns.length);
  for (let row = first; row < end; row += 1) {
    if (row > first && ring.broken(row)) out.breakBefore(ring.time(row));
    readTracks(ring, columns, row, piles, values);
    out.add(ring.time(row), values);
  }
  return out.done();
}

class Output {
  constructor(width, most) {
    this.times = new Float64Array(most);
    this.tracks = Array.from({ length: width }, () => new Float64Array(most));
    this.length = 0;
  }

  add(time, values) {
    this.times[this.length] = time;
    for (let i = 0; i < this.tracks.length; i += 1) this.tracks[i][this.length] = values[i];
    this.length += 1;
  }

  /** A break stands half-way between its neighbours: any time will do that keeps them in order. */
  breakBefore(time) {
    this.times[this.length] = (this.times[this.length - 1] + time) / 2;
    for (const track of this.tracks) track[this.length] = NaN;
    this.length += 1;
  }

  /** @returns {Points} */
  done() {
    const { length } = this;
    return { times: this.times.subarray(0, length), tracks: this.tracks.map((track) => track.subarray(0, length)) };
  }
}

/** @type {WeakMap<import("../../client/ring.js").Ring, Map<string, Buckets>>} what is ready, for as long as the ring is */
const ready = new WeakMap();

function bucketsOf(ring, columns, bucketMs, piles) {
  let kept = ready.get(ring);
  if (!kept) ready.set(ring, (kept = new Map()));
  const key = `${bucketMs} ${columns} ${piles ?? ""}`;
  const buckets = kept.get(key) ?? new Buckets(ring, columns, bucketMs, piles);
  kept.delete(key);
  kept.set(key, buckets);
  if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value);
  buckets.catchUp(ring);
  return buckets;
}

/**
 * A ring's rows in buckets on absolute time: a bucket is the same wherever the window stands, so lines do not
 * shimmer, and what is full is never looked at again.
 */
class Buckets {
  /** @type {Bucket[]} */ #buckets = [];
  #next;

  constructor(ring, columns, bucketMs, piles) {
    this.columns = columns;
    this.bucketMs = bucketMs;
    this.piles = piles;
    /** For each track the one whose lowest and highest say which comes first: of a pile the uppermost. */
    this.leaders = columns.map((_, i) => (piles ? piles.lastIndexOf(piles[i]) : i));
    this.values = new Float64Array(columns.length);
    this.#next = ring.first;
  }

  /** Takes in the rows that are new. */
  catchUp(ring) {
    this.#forget(ring.length ? ring.time(0) : Infinity);
    for (let row = Math.max(0, this.#next - ring.first); row < ring.length; row += 1) this.#take(ring, row);
    this.#next = ring.first + ring.length;
  }

  #forget(before) {
    let count = 0;
    while (count < this.#buckets.length && this.#buckets[count].last < before) count += 1;
    if (count) this.#buckets.splice(0, count);
  }

  #take(ring, row) {
    const time = ring.time(row);
    const index = Math.floor(time / this.bucketMs);
    const broken = ring.broken(row);
    let bucket = this.#buckets.at(-1);
    if (!bucket || bucket.index !== index || broken) {
      bucket = new Bucket(index, time, broken, this.columns.length);
      this.#buckets.push(bucket);
    }
    readTracks(ring, this.columns, row, this.piles, this.values);
    bucket.add(time, this.values);
  }

  points(from, to, peaks) {
    const first = Math.max(0, this.#after(from) - 1);
    const end = Math.min(this.#buckets.length, this.#after(to) + 1);
    const out = new Output(this.columns.length, 3 * Math.max(0, end - first));
    for (let i = first; i < end; i += 1) {
      const bucket = this.#buckets[i];
      if (i > first && bucket.broken) out.breakBefore(bucket.first);
      if (peaks) out.add(bucket.last, bucket.highs);
      else bucket.write(out, this.leaders);
    }
    return out.done();
  }

  /** The first bucket that reaches to `time` or beyond. */
  #after(time) {
    let low = 0;
    let high = this.#buckets.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#buckets[middle].last < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

class Bucket {
  constructor(index, time, broken, width) {
    this.index = index;
    this.first = time;
    this.last = time;
    this.broken = broken;
    this.rows = 0;
    this.lows = new Float64Array(width).fill(NaN);
    this.highs = new Float64Array(width).fill(NaN);
    /** The row of the lowest and of the highest of each track. */
    this.lowAt = new Uint32Array(width);
    this.highAt = new Uint32Array(width);
  }

  add(time, values) {
    this.last = time;
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i];
      if (value !== value) continue;
      // A first value replaces NaN, with which every comparison fails.
      if (!(this.lows[i] <= value)) {
        this.lows[i] = value;
        this.lowAt[i] = this.rows;
      }
      if (!(this.highs[i] >= value)) {
        this.highs[i] = value;
        this.highAt[i] = this.rows;
      }
    }
    this.rows += 1;
  }

  write(out, leaders) {
    if (this.rows === 1) {
      out.add(this.first, this.lows);
      return;
    }
    const at = out.length;
    out.times[at] = this.first;
    out.times[at + 1] = this.last;
    for (let i = 0; i < this.lows.length; i += 1) {
      // Bands must not cross: all sums of a pile rise and fall with the whole.
      const rising = this.lowAt[leaders[i]] <= this.highAt[leaders[i]];
      out.tracks[i][at] = rising ? this.lows[i] : this.highs[i];
      out.tracks[i][at + 1] = rising ? this.highs[i] : this.lows[i];
    }
    out.length = at + 2;
  }
}
