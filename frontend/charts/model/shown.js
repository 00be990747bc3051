/** Which of a panel's lines are drawn, where it has room for fewer: those that its number stands for. */

import { barsAt } from "./headline.js";
import { repaint } from "./lines.js";
import { isMirror, linesMaxOf } from "./panel.js";

/** So few are all shown, whether they move or not. */
const FEW = 3;
/** Of two about as high, the one that is shown stays: nobody could read a legend that changes all the time. */
const STAYING = 0.02;

/**
 * @typedef {import("./lines.js").Line} Line
 * @typedef {{low: number, high: number}} Reach NaN where there is no reading
 */

/**
 * The lines to draw: of a stack all, else those of the keys that rank highest. Bars rank by the share that is used, lines
 * whose number is the highest of all by how high they were, and others by how far from zero they were. The line that the
 * number is in the last row is always among them. Of many, those at rest are left out; not so rows of a heatmap and bars,
 * which say something by being empty. Lines that would share a colour are told apart by another.
 *
 * @param {import("./panel.js").Panel} panel @param {import("./lines.js").Reading} reading
 * @param {import("../../client/ring.js").Ring} ring
 * @param {{from?: number, to?: number, shown?: Line[], colors?: Map<string, number>}} [options]
 *   from, to: Unix ms, what is to be seen; shown: what was drawn so far
 * @returns {Line[]} in the order of the reading
 */
export function busiest(panel, reading, ring, { from = -Infinity, to = Infinity, shown = [], colors = new Map() } = {}) {
  const [first, end] = [ring.firstAtOrAfter(from), ring.firstAtOrAfter(to + 1)];
  const most = linesMaxOf(panel);
  const chosen = most === Infinity ? reading.lines : highest(panel, reading, ring, { first, end, most, shown });
  repaint(chosen, colors);
  return chosen;
}

function highest(panel, reading, ring, { first, end, most, shown }) {
  const { lines } = reading;
  const reaches = lines.map(({ column }) => ring.reach(column, first, end));
  const ranks = panel.chart === "bar" ? shares(reading, ring, end - 1) : peaks(panel, lines, reaches);
  const leaders = leadersOf(panel, reading, ring, end - 1, ranks);
  const staying = new Set(shown.map(({ key }) => key));
  const rank = (key) => {
    const value = ranks.get(key) ?? NaN;
    if (leaders.has(key)) return Infinity;
    return Number.isNaN(value) ? -Infinity : value + (staying.has(key) ? STAYING * Math.abs(value) : 0);
  };
  const ranked = [...ranks.keys()].sort((a, b) => (rank(a) < rank(b) ? 1 : rank(a) > rank(b) ? -1 : 0));
  let kept = ranked.slice(0, most);
  // Where some are below zero, zero is a reading like others and no rest.
  if ((panel.chart ?? "line") === "line" && ranked.length > FEW && !reaches.some(({ low }) => low < 0)) {
    const moving = new Set(lines.filter((_, i) => reaches[i].high > 0).map(({ key }) => key));
    kept = kept.filter((key) => moving.has(key));
  }
  const keys = new Set(kept.length ? kept : ranked.slice(0, Math.min(FEW, most)));
  return lines.filter(({ key }) => keys.has(key));
}

/** How full each bar is. */
const shares = (reading, ring, row) => new Map(barsAt(reading, reading.lines, ring, row).map(({ key, share }) => [key, share]));

/** The highest of each key: of all its readings, or of how far these were from zero. */
function peaks(panel, lines, reaches) {
  const signed = panel.headline?.reduce === "max" && !isMirror(panel);
  /** @type {Map<string, number>} */ const found = new Map();
  lines.forEach(({ key }, i) => {
    const { low, high } = reaches[i];
    const peak = signed ? high : Math.max(Math.abs(low), Math.abs(high));
    const before = found.get(key) ?? NaN;
    found.set(key, before >= peak || Number.isNaN(peak) ? before : peak);
  });
  return found;
}

/** The keys of what the panel's number is in that row, each way: they may have been low until then. */
function leadersOf(panel, reading, ring, row, ranks) {
  /** @type {Set<string>} */ const leaders = new Set();
  if ((panel.chart !== "bar" && panel.headline?.reduce !== "max") || row < 0) return leaders;
  const [lines, value] =
    panel.chart === "bar" ? [reading.lines, ({ key }) => ranks.get(key)] : [reading.counted, ({ column }) => ring.value(column, row)];
  for (const way of [false, true]) {
    let leader = null;
    for (const line of lines) {
      if (line.down !== way || Number.isNaN(value(line))) continue;
      if (!leader || value(line) > value(leader)) leader = line;
    }
    if (leader) leaders.add(leader.key);
  }
  return leaders;
}
