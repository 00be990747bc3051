/** What the streams did not deliver, and how late they are, in words. Pure. */

import { formatDuration } from "../charts/model/format.js";
import { breakWords } from "../charts/model/values_at.js";

/** What the server says of readings that it did not deliver; of a pause or a lost line the reader knows. */
const DELIVERED_NOT = new Set(["slow", "sampler", "expired"]);
const LISTED_MAX = 6;

/** Lateness that nobody would notice is not told. */
const LAG_LEAST_S = 0.05;
const LAG_MOST_S = 0.25;
const LAG_ROWS = 10;

/**
 * Ticks that did not come since the page was opened. All streams count the same ticks: one that several of them missed
 * is one.
 *
 * @param {Iterable<{store: Pick<import("../client/store.js").StreamStore, "ticksMissed"|"breaks">}>} streams
 * @returns {{ticks: number, reasons: string[]}} reasons: the newest first, each with its times
 */
export function missedBy(streams) {
  let ticks = 0;
  /** @type {import("../client/store.js").Break[]} */ const merged = [];
  for (const { store } of streams) {
    ticks = Math.max(ticks, store.ticksMissed);
    for (const gap of store.breaks) if (DELIVERED_NOT.has(gap.why)) merge(merged, gap);
  }
  const newest = merged.sort((a, b) => b.to - a.to).slice(0, LISTED_MAX);
  return { ticks, reasons: newest.map(breakWords) };
}

/** Adds a gap to those known, as a part of one where they overlap. */
function merge(gaps, { from, to, why }) {
  const known = gaps.find((gap) => gap.why === why && gap.from < to && from < gap.to);
  if (!known) {
    gaps.push({ from, to, why });
    return;
  }
  known.from = Math.min(known.from, from);
  known.to = Math.max(known.to, to);
}

/**
 * How late the readings of late were, where it matters at that pace; else nothing.
 *
 * @param {import("../client/store.js").StreamStore} store of a stream with `vitalcast.sampler.lag` @param {number} intervalS
 */
export function lagWords({ ring, series }, intervalS) {
  const column = series.findIndex(({ name }) => name === "vitalcast.sampler.lag");
  if (column < 0 || !ring.length) return "";
  const rows = Math.min(LAG_ROWS, ring.length);
  let sum = 0;
  for (let row = ring.length - rows; row < ring.length; row += 1) sum += ring.value(column, row) || 0;
  const lagS = sum / rows;
  const matters = lagS > Math.min(LAG_MOST_S, Math.max(LAG_LEAST_S, intervalS / 4));
  return matters ? `values come ${formatDuration(lagS)} late: this machine is busy` : "";
}
