/** What a view may be set to: the ranges, intervals, comparisons and looks that there are. */

/** The spans that the charts may show, in seconds, by their words in the address. */
export const RANGES = Object.freeze({
  "1m": 60,
  "5m": 300,
  "15m": 900,
  "1h": 3600,
  "6h": 21_600,
  "24h": 86_400,
  "7d": 604_800,
  "30d": 2_592_000,
  "1y": 31_536_000,
});
/** As far back as anything may be kept. */
const RANGE_MAX_S = 5 * 366 * 86_400;
/** Ranges that differ by less, as a share, look the same. */
const ALIKE = 0.02;
/** What live streams hold, in seconds; what is longer ago is asked of the history. */
export const LIVE_S = 900;
/** The seconds between two readings that may be asked for. */
export const INTERVALS = Object.freeze([0.1, 0.5, 1, 5]);
/** How long ago the past is that charts are compared with, in seconds, by its words in the address. */
export const COMPARISONS = Object.freeze({ __proto__: null, "1h": 3600, "24h": 86_400, "7d": 604_800 });
/** What processes are shown as: one by one, or by what they have in common. */
export const GROUPS = Object.freeze(["", "program", "unit", "tree"]);
export const THEMES = Object.freeze(["system", "dark", "light"]);

const UNITS = Object.freeze({ m: "minute", h: "hour", d: "day", y: "year" });

/** A range as its button says it: `15 m`. @param {string} words as in the address */
export const shortWords = (words) => words.replace(/(\d)(?=[a-z])/, "$1\u00a0");

/** A range as a sentence says it: `15 minutes`. @param {string} words as in the address */
export function longWords(words) {
  const count = parseInt(words, 10);
  return `${count} ${UNITS[words.at(-1) ?? ""]}${count === 1 ? "" : "s"}`;
}

/** A range in the words of an address: those of its button, else its seconds. @param {number} seconds */
export const rangeWords = (seconds) => Object.keys(RANGES).find((words) => RANGES[words] === seconds) ?? `${seconds}s`;

/** The seconds of a range; null where it is none. @param {string} words as in an address @returns {number|null} */
export function rangeOf(words) {
  if (Object.hasOwn(RANGES, words)) return RANGES[words];
  const seconds = /^\d{1,8}s$/.test(words) ? parseInt(words, 10) : 0;
  return seconds >= 1 && seconds <= RANGE_MAX_S ? seconds : null;
}

/** A range of about so many seconds: the one with a button, where that is as good. @param {number} seconds */
export function rangeNear(seconds) {
  const usual = Object.values(RANGES).find((one) => Math.abs(one - seconds) <= ALIKE * one);
  return usual ?? Math.max(1, Math.min(RANGE_MAX_S, Math.round(seconds)));
}

/** The shortest range with a button that holds this one: what streams are asked for, so that readers share them. @param {number} seconds */
export const rangeAbove = (seconds) => Object.values(RANGES).find((one) => one >= seconds) ?? RANGES["1y"];
