/** Moments as people say them, in the reader's own zone: `02:00`, `yesterday 14:00`, `-3h`, as the command line reads them. */

import { quoted } from "./quoted.js";

export const FORMS = "02:00, yesterday 14:00, monday 9:30, 3h ago, -3h or 2026-11-28 02:00";

/** The end of the year 9998: dates end with 9999, where zones are ahead. */
const MOMENT_MAX_MS = 253_370_764_799_999;
const MOMENT_MIN_MS = -62_135_596_800_000;
/** Fewer digits are no Unix milliseconds: nobody means some seconds of 1970. */
const UNIX_MS_DIGITS_MIN = 10;
const SECOND_MS = 1000;
const DAY_MS = 86_400_000;
/** Clocks that were set back show a time again within this. */
const AGAIN_MS = 3 * 3_600_000;
const WEEKDAYS = Object.freeze(["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]);
const UNITS_S = Object.freeze({ s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 });
const UNIT = /^(s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?|w|weeks?)$/;
const NAMED_CLOCKS = new Map([["noon", 12 * 3_600_000], ["midnight", 0]]);
const CLOCK = /^(\d{1,2})(?::(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?)?\s*(am|pm)?$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})/;
const SPAN = /^(\d{1,9}(?:\.\d{1,3})?)\s*([a-z]+)/;
const BEFORE_NOW = /^(?:now)?-(\d{1,9}(?:\.\d{1,3})?)([smhdw])$/;
// A zone's plus sign that was put into an address as it is arrives as a space.
const ISO = /^(\d{4}-\d{2}-\d{2})(?:[t ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)(z|[+ -]\d{2}(?::?\d{2})?)?)?$/;
/** Between two moments: a dash of any kind with or without room around it, or a word. A date has dashes of its own. */
const BETWEEN = /\s+(?:to|until|till|[-\u2013\u2014])\s+|\s*[\u2013\u2014]\s*|(?<=^[^-]*:\d{2}(?:\s*[ap]m)?)-(?=\d{1,2}[: ap])/;

/** A text that means no moment; its message says what would. */
export class WhenError extends Error {}

/**
 * The Unix milliseconds that a text means. A time of day is the last one that has been; with `after` it is the first
 * after that. A time that the clock skipped is as much later, and of one that came twice the later is meant if it has
 * been. Throws WhenError.
 *
 * @param {string} text @param {number} now Unix ms @param {number|null} [after] Unix ms
 */
export function momentOf(text, now, after = null) {
  const words = text.toLowerCase().replaceAll(",", " ").trim().replace(/\s+/g, " ");
  const beforeS = beforeOf(words);
  if (beforeS !== null) return Math.max(0, now - Math.round(beforeS * SECOND_MS));
  const spoken = spokenOf(words, dayOf(now), dayOf(after ?? now));
  if (!spoken) return Math.min(written(text, words, now), MOMENT_MAX_MS);
  const times = spoken.days.flatMap((day) => momentsAt(day + spoken.clock)).sort((a, b) => a - b);
  if (times[0] < MOMENT_MIN_MS) throw new WhenError(`${quoted(text)} is out of the calendar; give ${FORMS}`);
  const meant = after === null ? (times.findLast((one) => one <= now) ?? times[0]) : (times.find((one) => one > after) ?? times[times.length - 1]);
  return Math.min(meant, MOMENT_MAX_MS);
}

/**
 * The window from one moment to another, or to now, which it does not pass. A time of day at its end is the first after
 * its start. Throws WhenError.
 *
 * @param {string} since @param {string} until empty for now @param {number} now Unix ms
 * @returns {{from: number, to: number}}
 */
export function windowOf(since, until, now) {
  const from = momentOf(since, now);
  if (from >= now) throw new WhenError(`${quoted(since)} is not in the past`);
  if (!until.trim()) return { from, to: now };
  const to = Math.min(momentOf(until, now, from), now);
  if (to <= from) throw new WhenError(`${quoted(until)} is not after ${quoted(since)}`);
  return { from, to };
}

/** The two moments of `14:00–15:30` or `yesterday to 02:00`; null where a text is of one. @param {string} text @returns {[string, string]|null} */
export function bothOf(text) {
  const [since, until, ...more] = text.trim().replace(/^from\s+/i, "").split(BETWEEN);
  return since && until && !more.length ? [since, until] : null;
}

/** Whether a text is Unix milliseconds, which mean the same to everybody at any time. @param {string} text */
export const isUnixMs = (text) => /^\d{1,15}$/.test(text.trim());

/** The seconds of `3h ago`, `1h 30m ago` or `2 days ago`; null where it says something else. */
function beforeOf(words) {
  if (!words.endsWith(" ago")) return null;
  let rest = words.slice(0, -4).trim();
  let totalS = 0;
  while (rest) {
    const [span, count, unit] = SPAN.exec(rest) ?? [];
    if (!span || !UNIT.test(unit)) return null;
    totalS += Number(count) * UNITS_S[unit[0]];
    rest = rest.slice(span.length).replace(/^ and/, "").trim();
  }
  return totalS;
}

/** What words say of a day and a time, which alone is of a day near `near`; null where they say something else. */
function spokenOf(words, today, near) {
  const alone = clockOf(words);
  if (alone !== null) return { days: [-2, -1, 0, 1, 2].map((days) => near + days * DAY_MS), clock: alone };
  for (const { days, rest } of daysOf(words, today)) {
    const clock = rest ? clockOf(rest.replace(/^at /, "").replace(/^t/, "")) : 0;
    if (clock !== null) return { days, clock };
  }
  return null;
}

/** The days of which one is meant by what words begin with, as local midnights told in UTC, and what comes after that. */
function daysOf(words, today) {
  const found = [];
  const [first, ...others] = words.replace(/^last /, "").split(" ");
  const rest = others.join(" ");
  if (first === "today" || first === "yesterday") found.push({ days: [today - (first === "yesterday" ? DAY_MS : 0)], rest });
  const number = first.length >= 3 ? WEEKDAYS.findIndex((name) => name.startsWith(first)) : -1;
  if (number >= 0) {
    const nearest = today - ((new Date(today).getUTCDay() - number + 7) % 7) * DAY_MS;
    found.push({ days: [-7, 0, 7].map((days) => nearest + days * DAY_MS), rest });
  }
  const date = DATE.exec(words);
  const day = date ? dateOf(date) : null;
  if (date && day !== null) found.push({ days: [day], rest: words.slice(date[0].length).trim() });
  return found;
}

/** A date's midnight told in UTC; null where there is no such day. */
function dateOf([, year, month, day]) {
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  return Number(year) > 0 && date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day) ? date.getTime() : null;
}

/** A time of day in milliseconds; null where it is none. */
function clockOf(words) {
  if (NAMED_CLOCKS.has(words)) return NAMED_CLOCKS.get(words) ?? null;
  const [whole, hours, minutes, seconds = "0", part = "0", half] = CLOCK.exec(words) ?? [];
  if (!whole || (minutes === undefined && half === undefined)) return null;
  let hour = Number(hours);
  if (half !== undefined) {
    if (hour < 1 || hour > 12) return null;
    hour = (hour % 12) + (half === "pm" ? 12 : 0);
  }
  if (hour > 23 || Number(minutes ?? 0) > 59 || Number(seconds) > 59) return null;
  return ((hour * 60 + Number(minutes ?? 0)) * 60 + Number(seconds)) * SECOND_MS + Number(part.padEnd(3, "0"));
}

/** What a local clock shows at a moment, as if that were UTC. */
const shownAt = (time) => time - new Date(time).getTimezoneOffset() * 60_000;

const dayOf = (time) => Math.floor(shownAt(time) / DAY_MS) * DAY_MS;

/** The moments at which clocks showed this, in order: one, or two where they were set back. @param {number} shown told in UTC */
function momentsAt(shown) {
  const utc = new Date(shown);
  const local = new Date(0);
  local.setFullYear(utc.getUTCFullYear(), utc.getUTCMonth(), utc.getUTCDate());
  local.setHours(utc.getUTCHours(), utc.getUTCMinutes(), utc.getUTCSeconds(), utc.getUTCMilliseconds());
  const first = local.getTime();
  const second = first + (shownAt(first) - shownAt(first + AGAIN_MS) + AGAIN_MS);
  return second > first && shownAt(second) === shown && shownAt(first) === shown ? [first, second] : [first];
}

/** As programs write moments: Unix milliseconds, ISO 8601, and `-3h` before now. */
function written(text, words, now) {
  if (words === "now") return now;
  const [before, count, unit] = BEFORE_NOW.exec(words) ?? [];
  if (before) return Math.max(0, now - Math.round(Number(count) * UNITS_S[unit] * SECOND_MS));
  if (isUnixMs(words) && words.length >= UNIX_MS_DIGITS_MIN) return unixMsOf(Number(words));
  const [iso, day, clock = "00:00", zone = "z"] = ISO.exec(text.trim().toLowerCase()) ?? [];
  const time = iso ? isoOf(day, clock.replace(",", "."), zone.replace(" ", "+")) : NaN;
  if (Number.isNaN(time)) throw new WhenError(`${quoted(text)} is no time; give ${FORMS}`);
  return Math.max(0, time);
}

function unixMsOf(number) {
  if (number >= 1e9 && number < 1e11) throw new WhenError(`${number} looks like seconds; give milliseconds, ${number}000`);
  if (number > MOMENT_MAX_MS) throw new WhenError(`${number} is past the year 9998; give Unix milliseconds`);
  return number;
}

function isoOf(day, clock, zone) {
  const date = DATE.exec(day);
  if (!date || dateOf(date) === null) return NaN;
  const [, sign, hours, minutes = "00"] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? [];
  return Math.floor(Date.parse(`${day}T${clock.slice(0, 12)}${sign ? `${sign}${hours}:${minutes}` : "Z"}`));
}
