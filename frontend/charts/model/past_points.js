/** Points of rows that stand for steps: means as lines, and how far what is in each step went below and above them. */

import { possible } from "./lines.js";

/**
 * @typedef {{times: Float64Array, tracks: Float64Array[], lows: Float64Array[], highs: Float64Array[]}} PastPoints
 *   one of each a column; where nothing was recorded between two points stands one of NaN
 */

/**
 * @param {{ring: import("../../client/ring.js").Ring, bands: Map<number, {low: number, high: number}>, stepMs: number}} store
 * @param {number[]} columns @param {{from: number, to: number, width: number, whole?: boolean}} options width: no more
 *   points, in pixels; whole: what is not there counts as nothing, as programs that come and go
 * @returns {PastPoints}
 */
export function pastPointsOf({ ring, bands, stepMs }, columns, { from, to, width, whole = false }) {
  const first = Math.max(0, ring.firstAtOrAfter(from) - 1);
  const end = Math.min(ring.length, ring.firstAtOrAfter(to) + 1);
  const many = end - first > 1.25 * width;
  const bucketMs = many ? Math.ceil((to - from) / width / stepMs) * stepMs : 0;
  const out = new Points(columns.length, 2 * Math.max(0, end - first));
  const means = [...bands.keys()];
  const known = (row) => means.some((mean) => !Number.isNaN(ring.value(mean, row)));
  const places = columns.map((mean) => ({ mean, ...(bands.get(mean) ?? { low: mean, high: mean }) }));
  let bucket = NaN;
  for (let row = first; row < end; row += 1) {
    const time = ring.time(row);
    const broken = row > first && ring.broken(row);
    if (broken) out.breakBefore(time);
    const at = bucketMs ? Math.ceil(time / bucketMs) : row;
    if (at !== bucket || broken) out.begin(time);
    bucket = at;
    out.add(ring, places, row, time, whole && known(row));
  }
  return out.done();
}

class Points {
  constructor(width, most) {
    const some = () => Array.from({ length: width }, () => new Float64Array(most));
    this.times = new Float64Array(most);
    [this.tracks, this.lows, this.highs] = [some(), some(), some()];
    this.counts = new Uint32Array(width);
    this.rows = 0;
    this.length = 0;
  }

  begin(time) {
    const at = this.length;
    this.times[at] = time;
    for (const kind of [this.tracks, this.lows, this.highs]) for (const track of kind) track[at] = NaN;
    this.counts.fill(0);
    this.rows = 0;
    this.length += 1;
  }

  breakBefore(time) {
    this.begin((this.times[this.length - 1] + time) / 2);
  }

  /** @param {boolean} whole whether what is not in this row counts as nothing */
  add(ring, places, row, time, whole) {
    const at = this.length - 1;
    this.times[at] = time;
    this.rows += Number(whole);
    for (let i = 0; i < places.length; i += 1) {
      const { mean, low, high } = places[i];
      let value = possible(ring.value(mean, row));
      const seen = this.counts[i] > 0;
      const absent = value !== value;
      if (absent && !(whole && seen)) continue;
      if (absent) value = 0;
      let least = absent ? 0 : possible(ring.value(low, row));
      const greatest = absent ? 0 : possible(ring.value(high, row));
      const count = whole ? this.rows : this.counts[i] + 1;
      // It was not there in the rows before.
      if (whole && !seen && count > 1) least = Math.min(least, 0);
      const before = seen ? this.tracks[i][at] : 0;
      this.counts[i] = count;
      this.tracks[i][at] = before + (value - before) / count;
      if (!(this.lows[i][at] <= least)) this.lows[i][at] = least;
      if (!(this.highs[i][at] >= greatest)) this.highs[i][at] = greatest;
    }
  }

  done() {
    const cut = (tracks) => tracks.map((track) => track.subarray(0, this.length));
    return { times: this.times.subarray(0, this.length), tracks: cut(this.tracks), lows: cut(this.lows), highs: cut(this.highs) };
  }
}

/** Means on top of each other, each pile for itself; a hole adds nothing. @param {Float64Array[]} tracks @param {number[]} piles */
export function piledUp(tracks, piles) {
  const length = tracks[0]?.length ?? 0;
  const sums = [new Float64Array(length), new Float64Array(length)];
  return tracks.map((track, i) => {
    const sum = sums[piles[i]];
    const out = new Float64Array(length);
    for (let at = 0; at < length; at += 1) {
      out[at] = sum[at] + track[at];
      if (track[at] === track[at]) sum[at] += track[at];
    }
    return out;
  });
}
