/** The last minute of one number: its points as a small line, how high that reaches, and whether it alarms for long. */

import { headlineOf } from "./headline.js";
import { areaPath, linePath, placesOf } from "./svg_path.js";

/** A number that is past its threshold for a moment is a spike, and nothing is wrong. */
const LASTS_MS = 5000;
/** Room above the highest point, so that the line does not end at the edge. */
const HEADROOM = 1.08;

/** @typedef {{times: number[], values: number[]}} Points where readings are missing, a point without a value */

/** Reads each row of a store once: a sum over a panel's lines for a whole minute each second would be waste. */
export class SparkPoints {
  /** @type {import("../../client/ring.js").Ring|null} */ #ring = null;
  /** The lasting number of the next row to read. */ #next = 0;
  /** @type {Points} */ #points = { times: [], values: [] };

  /**
   * @param {import("./panel.js").Panel} panel @param {import("./lines.js").Reading} reading
   * @param {import("../../client/ring.js").Ring} ring
   * @returns {Points} to be read and not kept
   */
  read(panel, reading, ring) {
    if (ring !== this.#ring) {
      this.#ring = ring;
      this.#next = ring.first;
      this.#points = { times: [], values: [] };
    }
    const { times, values } = this.#points;
    const put = (time, value) => {
      times.push(time);
      values.push(value);
    };
    for (; this.#next < ring.first + ring.length; this.#next += 1) {
      const row = this.#next - ring.first;
      if (row < 0) continue;
      if (ring.broken(row)) put(ring.time(row), NaN);
      put(ring.time(row), sparkValue(panel, headlineOf(panel, reading, ring, row)));
    }
    const gone = times.findIndex((time) => time >= ring.time(0));
    if (gone > 0) for (const list of [times, values]) list.splice(0, gone);
    return this.#points;
  }
}

/**
 * What the line shows is what the number beside it says.
 *
 * @param {import("./panel.js").Panel} panel @param {import("./headline.js").HeadlineNow} now
 */
const sparkValue = ({ headline }, { value, share }) => (headline?.show === "share" ? share : value);

/**
 * The level that the number has kept to for the last seconds: the mildest of them.
 *
 * @param {import("./panel.js").Panel} panel @param {import("./lines.js").Reading} reading
 * @param {import("../../client/ring.js").Ring} ring @param {import("./headline.js").HeadlineNow} now
 * @returns {import("./headline.js").Level}
 */
export function lastingLevel(panel, reading, ring, now) {
  let { level } = now;
  const from = ring.newest - LASTS_MS;
  for (let row = ring.length - 2; level && row >= 0 && ring.time(row) > from; row -= 1) {
    const before = headlineOf(panel, reading, ring, row).level;
    if (before !== "critical") level = before;
  }
  return level;
}

/**
 * What the chart reaches from and to: a share of something to all of it, so that little looks little.
 *
 * @param {import("./panel.js").Panel} panel @param {import("./headline.js").HeadlineNow} now @param {number[]} values
 */
export function sparkReach(panel, now, values) {
  let low = 0;
  let high = leastReach(panel, now);
  for (const value of values) {
    if (value < low) low = value;
    if (value * HEADROOM > high) high = value * HEADROOM;
  }
  return { low, high: high > low ? high : low + 1 };
}

/** @param {import("./panel.js").Panel} panel @param {import("./headline.js").HeadlineNow} now */
function leastReach({ headline, max, span_min, thresholds, unit }, { value, share }) {
  if (headline?.show === "share") return 1;
  if (typeof max === "number") return max;
  // The whole that the number is a share of: the CPUs, of a load.
  if (share > 0 && headline?.per) return value / share;
  if (unit !== "1" && thresholds?.critical) return thresholds.critical;
  return span_min ?? 0;
}

/**
 * The line, and the area below it, as paths.
 *
 * @param {Points} points @param {{from: number, to: number, low: number, high: number, width: number, height: number}} frame
 */
export function sparkPaths({ times, values }, { from, to, low, high, width, height }) {
  const first = times.findIndex((time) => time >= from);
  if (first < 0) return { line: "", area: "" };
  const shown = Float64Array.from(values.slice(first));
  const places = placesOf(times.slice(first), (time) => ((time - from) / (to - from)) * width);
  const y = (value) => ((high - value) / (high - low)) * height;
  return { line: linePath(places, shown, y), area: areaPath(places, shown, shown.map(() => low), y) };
}
