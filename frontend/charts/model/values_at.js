/** What there was at one moment: the nearest readings, or in plain words why there are none. */

import { formatClock } from "./format.js";
import { rowValues } from "./lines.js";

/** Why readings are missing, by a break's `why`. */
const BREAK_WORDS = Object.freeze({
  slow: "this page was too slow",
  sampler: "the server missed ticks: its machine was busy",
  expired: "this page was away for longer than the server keeps them",
  paused: "this chart was not in view",
  disconnected: "not connected",
  clock: "the clock of the server's machine was set, or the machine slept",
  missing: "the server sent none",
  unrecorded: "nothing was recorded",
});

/**
 * @param {{store: import("../../client/store.js").StreamStore, lines: import("./lines.js").Line[], time: number}} options time: Unix ms
 * @returns {{time: number, values: number[], why: string}} time: of the reading shown, NaN where there is none;
 *   values: one a line; why: empty, or why there is none
 */
export function valuesAt({ store, lines, time }) {
  const { ring } = store;
  const row = store.bands?.size ? rowOf(ring, time) : nearestRow(ring, time);
  const why = row < 0 ? "no data" : whyNone(store, row, time);
  const shown = why ? -1 : row;
  return { time: shown < 0 ? NaN : ring.time(shown), values: rowValues(ring, lines, shown), why };
}

/** The row of the step that holds that time, which is known by its end; else the newest, -1 while there is none. */
const rowOf = (ring, time) => Math.min(ring.firstAtOrAfter(time), ring.length - 1);

/** The row whose time is nearest; -1 while there is none. */
function nearestRow(ring, time) {
  const after = ring.firstAtOrAfter(time);
  if (after === ring.length) return ring.length - 1;
  if (after === 0) return 0;
  return time - ring.time(after - 1) < ring.time(after) - time ? after - 1 : after;
}

function whyNone(store, row, time) {
  const { ring, breaks, intervalS, spacingS } = store;
  const away = Math.abs(ring.time(row) - time);
  const gap = breaks.find(({ from, to }) => from < time && time < to) ?? store.openBreak(time);
  // A reading stands for half the way to those that should have been its neighbours.
  if (gap) return away <= 500 * intervalS ? "" : breakWords(gap);
  if (time < ring.time(0) && away > 1000 * spacingS) return `before the first sample kept here, at ${clock(ring.time(0))}`;
  return "";
}

const clock = (ms) => formatClock(ms, { seconds: true });

/** A break as a sentence's worth of words. @param {import("../../client/store.js").Break} gap */
export function breakWords({ from, to, why, open = false }) {
  const when = open ? `since ${clock(from)}` : `from ${clock(from)} to ${clock(to)}`;
  return `no data ${when}: ${BREAK_WORDS[why] ?? why}`;
}

/**
 * The moment so many rows beside another, of those in a window; null where there is none.
 *
 * @param {import("../../client/ring.js").Ring} ring
 * @param {{from: number, to: number, moment: number|null, rows: number}} options moment: null for the newest
 * @returns {number|null} Unix ms
 */
export function momentBeside(ring, { from, to, moment, rows }) {
  const first = ring.firstAtOrAfter(from);
  const last = ring.firstAtOrAfter(to + 1) - 1;
  if (last < first) return null;
  const at = moment === null ? last + (rows < 0 ? 1 : 0) : Math.min(last, ring.firstAtOrAfter(moment));
  return ring.time(Math.max(first, Math.min(last, at + rows)));
}
