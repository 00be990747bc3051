/** What one stream knows: its series, their recent readings, where it stands, what was not delivered. */

import { Ring } from "./ring.js";
import { seriesKey } from "./protocol.js";

const GAPS_MAX = 100;

export class StreamStore {
  /** @param {{windowS: number, intervalS?: number, columns?: number}} options columns: a series' aggregates */
  constructor({ windowS, intervalS = 1, columns = 1 }) {
    this.windowS = windowS;
    this.intervalS = intervalS;
    this.aggregates = columns;
    /** @type {import("./protocol.js").Series[]} */ this.series = [];
    /** @type {string[]} */ this.keys = [];
    /** @type {{from: number, to: number, why: string}[]} newest last */ this.gaps = [];
    this.ticksMissed = 0;
    /** @type {import("./protocol.js").Position|null} for `since` */ this.position = null;
    this.ring = new Ring(this.#capacity(), 0);
  }

  #epoch = "";

  #capacity() {
    return Math.ceil(this.windowS / this.intervalS) + 2;
  }

  /** The time of the newest reading, Unix ms on the server's clock; NaN before the first. */
  get newest() {
    return this.ring.newest;
  }

  /** An `ack` to `subscribe` or to an `update` that resumes: says how often readings come. */
  ack({ epoch, interval }) {
    if (epoch) this.#epoch = epoch;
    if (interval > 0 && interval !== this.intervalS) {
      this.intervalS = interval;
      this.ring = this.ring.rearranged([...Array(this.ring.width).keys()], this.#capacity());
    }
  }

  /**
   * A `snapshot`: takes the place of what was known for its times. Older readings stay, for they were true:
   * where the server replays what was missed they join without a seam, where it could not the hole shows.
   */
  snapshot({ series, times, values, offset }) {
    this.#arrange(series);
    if (times.length) {
      const kept = this.ring.firstAtOrAfter(times[0]);
      if (kept < this.ring.length) this.ring = this.ring.head(kept);
    }
    for (let row = Math.max(0, times.length - this.ring.capacity); row < times.length; row += 1) {
      this.ring.push(times[row], values.map((column) => column[row]));
    }
    this.#moveTo(offset);
  }

  /** A `data`: one more row, whole (`values`) or as what changed since the row before. */
  data({ time, offset, values, changed }) {
    // A frame that was already answered by a snapshot says nothing new.
    if (time <= this.ring.newest) return;
    if (!values) {
      values = this.ring.last();
      for (const [column, value] of Object.entries(changed)) values[Number(column)] = value;
    }
    this.ring.push(time, values);
    this.#moveTo(offset);
  }

  /** A `series`: columns came or went; those that stay keep their past. */
  arrange({ series }) {
    this.#arrange(series);
  }

  /** A `gap`: ticks that will not come. The rows' times show the hole; this remembers why. */
  gap({ from, to, why }) {
    this.gaps.push({ from, to, why });
    if (this.gaps.length > GAPS_MAX) this.gaps.shift();
    this.ticksMissed += to - from + 1;
  }

  /** Another host answers now: nothing of what was known is about it. */
  forget() {
    this.series = [];
    this.keys = [];
    this.gaps = [];
    this.ticksMissed = 0;
    this.position = null;
    this.ring = new Ring(this.#capacity(), 0);
  }

  #moveTo(offset) {
    if (typeof offset === "number" && this.#epoch) this.position = { epoch: this.#epoch, offset };
  }

  #arrange(series) {
    const before = new Map(this.keys.map((key, i) => [key, i]));
    const same = series.length === this.keys.length && series.every((one, i) => seriesKey(one) === this.keys[i]);
    if (same) return;
    this.series = series;
    this.keys = series.map(seriesKey);
    const sources = this.keys.flatMap((key) => {
      const at = before.get(key);
      return Array.from({ length: this.aggregates }, (_, i) => (at === undefined ? -1 : at * this.aggregates + i));
    });
    this.ring = this.ring.rearranged(sources);
  }
}
