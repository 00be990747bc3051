/** Moments and windows in words: `14:03`, `yesterday 14:03`, `Mon 3 Nov 14:03`, `yesterday 14:00–15:30`. Pure. */

import { formatClock } from "./format.js";

const DAY_MS = 86_400_000;
const SECONDS_BELOW_MS = 900_000;
const DAYS = Object.freeze(["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]);
const MONTHS = Object.freeze(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]);

/** The day as its number, on the reader's clock. @param {number} ms Unix */
const dayOf = (ms) => Math.floor((ms - new Date(ms).getTimezoneOffset() * 60_000) / DAY_MS);

/** The reader's day: empty for today, `yesterday`, `Mon 3 Nov`, with the year where that is another. @param {number} ms @param {number} now Unix ms */
export function dayWords(ms, now) {
  const ago = dayOf(now) - dayOf(ms);
  if (ago === 0) return "";
  if (ago === 1) return "yesterday";
  const date = new Date(ms);
  const day = `${DAYS[date.getDay()]} ${date.getDate()} ${MONTHS[date.getMonth()]}`;
  return date.getFullYear() === new Date(now).getFullYear() ? day : `${day} ${date.getFullYear()}`;
}

/** @param {number} ms @param {number} now Unix ms @param {{seconds?: boolean}} [options] */
export const momentWords = (ms, now, { seconds = false } = {}) => `${dayWords(ms, now)} ${formatClock(ms, { seconds })}`.trim();

/** A window of time; to the second where it is short. @param {{from: number, to: number}} shown @param {number} now Unix ms */
export function windowWords({ from, to }, now) {
  const seconds = to - from < SECONDS_BELOW_MS && (from % 60_000 !== 0 || to % 60_000 !== 0);
  const start = momentWords(from, now, { seconds });
  // A day ends at 24:00, and not on the day after.
  if (dayOf(from) === dayOf(to) - 1 && dayOf(to - 1) === dayOf(from)) return `${start}\u201324:00`;
  return dayOf(from) === dayOf(to) ? `${start}\u2013${formatClock(to, { seconds })}` : `${start} \u2013 ${dayWords(to, now) || "today"} ${formatClock(to, { seconds })}`;
}
