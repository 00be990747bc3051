/** What is said of events: when, how long, how many, and how bad. */

import { endOf, isOngoing, namesOf, titleOf, worstOf } from "./events.js";
import { formatDuration } from "./format.js";
import { momentWords } from "./time_words.js";

const TITLES_MAX = 4;
const PLURALS = Object.freeze({
  boot: "starts of the machine",
  shutdown: "shutdowns",
  start: "starts of Vitalcast",
  stop: "stops of Vitalcast",
  gap: "gaps",
  clock: "changes of the clock",
  oom_kill: "processes killed for want of memory",
  device: "devices",
  filesystem: "filesystems",
  level: "levels",
  mark: "marks",
});

/** The kinds that there are, with what they are called where several are meant. */
export const KINDS = PLURALS;

/** `12 Nov`, or `12 Nov 2025` where that is not this year. @param {number} time @param {number} now Unix ms */
export function dateWords(time, now) {
  const date = new Date(time);
  const year = date.getFullYear() === new Date(now).getFullYear() ? "" : `\u00a0${date.getFullYear()}`;
  return `${date.getDate()}\u00a0${date.toLocaleDateString("en", { month: "short" })}${year}`;
}

/** `14:03:05`, `yesterday 14:03:05`. @param {number} time @param {number} now Unix ms */
export const timeWords = (time, now) => momentWords(time, now, { seconds: true });

/** How long it lasted, or goes on; nothing for a moment. @param {import("./events.js").HostEvent} event @param {number} now Unix ms */
export function lengthWords(event, now) {
  // The title of a level says already for how long.
  if (isOngoing(event) && event.kind === "level") return "going on";
  if (isOngoing(event)) return `for ${formatDuration(Math.max(0, Math.round((now - event.time) / 1000)))} so far`;
  const lastedS = Math.round((endOf(event) - event.time) / 1000);
  return lastedS > 0 ? formatDuration(lastedS) : "";
}

/** One event as a line: `CPU 98 % for 25 s: gzip, python`. @param {import("./events.js").HostEvent} event */
export function eventWords(event) {
  const names = namesOf(event);
  return names.length ? `${titleOf(event)}: ${names.join(", ")}` : titleOf(event);
}

/**
 * Several events that stand together: how many, and the first of them, the worst on top.
 *
 * @param {import("./events.js").HostEvent[]} events @param {number} now Unix ms @returns {string[]} lines
 */
export function clusterWords(events, now) {
  if (events.length === 1) return [timeWords(events[0].time, now), eventWords(events[0])];
  const worst = worstOf(events);
  const rest = events.filter((event) => event !== worst).reverse();
  const shown = [worst, ...rest].slice(0, TITLES_MAX).map((event) => eventWords(/** @type {any} */ (event)));
  const more = events.length - shown.length;
  return [`${events.length} events, ${timeWords(events[0].time, now)}`, ...shown, ...(more ? [`and ${more} more`] : [])];
}
