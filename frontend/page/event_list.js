/** Which events a list shows: of which time, of which kind, and what its title says. */

import { eventWords } from "../charts/model/event_words.js";
import { RANKS, overlaps } from "../charts/model/events.js";
import { windowWords } from "../charts/model/time_words.js";

const DAY_MS = 86_400_000;
/** More are shown when asked for. */
export const ROWS_SHOWN = 30;

/** @typedef {import("../charts/model/events.js").HostEvent} HostEvent */
/** @typedef {{kind: string, severity: string, text: string}} Wanted kind: empty for all; severity: the least; text: that is to be in it */

/** The time that a list is of: the window of a page that stands still, else the last day or what the charts show. @param {import("./view.js").View} view @param {number} now Unix ms */
export function spanOf(view, now) {
  const { from, to, live } = view.window(now);
  return { from: live ? Math.min(from, now - DAY_MS) : from, to, live };
}

/** @param {{from: number, to: number, live: boolean}} span @param {number} now Unix ms */
export function spanWords({ from, to, live }, now) {
  if (!live) return windowWords({ from, to }, now);
  const hours = Math.round((now - from) / 3_600_000);
  return hours > 48 ? `last ${Math.round(hours / 24)} days` : `last ${hours} hours`;
}

/**
 * @param {HostEvent[]} events in order @param {Wanted} wanted
 * @returns {HostEvent[]} the newest first
 */
export function listOf(events, { kind, severity, text }) {
  const sought = text.trim().toLowerCase();
  const fits = (event) =>
    (!kind || event.kind === kind) && RANKS[event.severity] >= (RANKS[severity] ?? 0) && (!sought || eventWords(event).toLowerCase().includes(sought));
  return events.filter(fits).reverse();
}

/** What the chosen moment has to do with an event. @param {HostEvent} event @param {number|null} at */
export const isChosen = (event, at) => at !== null && overlaps(event, at, at);

/** What a list without rows says. @param {number} all how many there are without the filter @param {boolean} [beyond] whether they are not known, as too many came later */
export function emptyWords(all, beyond = false) {
  if (all) return `None of ${all} events matches.`;
  return beyond ? "So many events came later that those of this time are not shown." : "Nothing happened in this time that Vitalcast noted.";
}
