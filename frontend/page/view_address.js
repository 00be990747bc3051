/** A view as an address, and back: what is unknown there or cannot be is left out and told. */

import { windowAround } from "../charts/model/zoom.js";
import { COMPARISONS, GROUPS, INTERVALS, rangeWords } from "./choices.js";
import { OPTIONS, YES_OR_NO, readOptions } from "./options.js";
import { DEFAULTS, View } from "./view.js";
import { WhenError, bothOf, isUnixMs, momentOf, windowOf } from "./when.js";

const SORT = /^-?[a-z][a-z0-9_]{0,31}$/;
const SHOW = /^[a-z][a-z0-9-]*(,[a-z][a-z0-9-]*){0,15}$/;
const FILTER_MAX = 100;
/** The last moment that a Date can tell. */
const TIME_MAX = 8.64e15;

const oneOf = (texts) => ({ right: texts.filter(Boolean).join(", "), read: (text) => (texts.includes(text) ? text : null) });

/** What an address may say; the moments are read together, by `readTimes`. */
const CHOICES = Object.freeze({
  range: OPTIONS.range,
  interval: { right: INTERVALS.join(", "), read: (text) => (INTERVALS.includes(Number(text || NaN)) ? Number(text) : null) },
  from: OPTIONS.from,
  to: OPTIONS.to,
  at: OPTIONS.at,
  compare: OPTIONS.compare,
  panel: OPTIONS.panel,
  theme: OPTIONS.theme,
  sort: { right: "the name of a column, such as cpu, or -cpu for the reverse", read: (text) => (SORT.test(text) ? text : null) },
  // By characters: half of one is no text, and no server would read a message with it.
  filter: { right: "a string", whole: true, read: (text) => [...text].slice(0, FILTER_MAX).join("") },
  group: oneOf(GROUPS),
  show: { right: "panel ids separated by commas, such as cpu", read: (text) => (SHOW.test(text) ? text : null) },
  kiosk: { ...YES_OR_NO, read: (text) => (text === "" || text === "true") || (text === "false" ? false : YES_OR_NO.read(text)) },
});
const NAMES = Object.freeze(Object.keys(CHOICES));

/** What `interval` was called before. */
const FORMER = "rate";

/**
 * @param {string} search with or without `?` @param {{now?: number}} [clock] Unix ms, from which words such as `-3h` count
 * @returns {View} with its `problems`
 */
export function readView(search, { now = Date.now() } = {}) {
  /** @type {[string, string][]} */
  const given = [...new URLSearchParams(search)].filter(([name]) => name).map(([name, text]) => [name === FORMER ? "interval" : name, text]);
  const { options, problems } = readOptions(new Map(given), NAMES, CHOICES);
  const { from, to, at, ...choices } = /** @type {any} */ (options);
  const view = new View(choices);
  const times = readTimes({ from, to, at }, view.range, now);
  view.set({ frozen: times.frozen, at: times.at });
  view.problems = [...problems, ...times.problems];
  return view;
}

/**
 * The view of a panel that is shown elsewhere.
 *
 * @param {import("./options.js").Options} options @param {number} [now] Unix ms
 * @returns {View} with its `problems`
 */
export function viewOf({ theme, range, interval, compare, from, to, at }, now = Date.now()) {
  const view = new View({ ...(theme && { theme }), ...(range && { range }), ...(interval && { interval }), ...(compare && { compare }) });
  const times = readTimes({ from, to, at }, view.range, now);
  view.set({ frozen: times.frozen, at: times.at });
  view.problems = times.problems;
  return view;
}

/**
 * The window and the moment that an address names. A moment that the usual window does not show brings one around it.
 *
 * @param {{from?: string, to?: string, at?: string}} given @param {number} range seconds @param {number} now Unix ms
 */
function readTimes({ from, to, at }, range, now) {
  const problems = [];
  const attempt = (name, read) => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof WhenError)) throw error;
      problems.push(`${name}: ${error.message}.`);
      return null;
    }
  };
  let frozen = null;
  if (from !== undefined) frozen = attempt("from", () => spanOf(from, to, now));
  else if (to !== undefined) problems.push("There is no window without from.");
  const moment = at === undefined ? null : attempt("at", () => checked(momentOf(at, now)));
  if (moment === null) return { frozen, at: null, problems };
  if (frozen && (moment < frozen.from || moment > frozen.to)) {
    problems.push("at is not between from and to.");
    return { frozen, at: null, problems };
  }
  const seen = frozen || moment > now - range * 1000;
  return { frozen: seen ? frozen : windowAround(moment, range * 1000, now), at: moment, problems };
}

/** Unix milliseconds are taken as they are: the clock of the reader may be behind that of the server. */
function spanOf(from, to = "", now) {
  if (isUnixMs(from) && isUnixMs(to)) {
    const span = { from: checked(momentOf(from, now)), to: checked(momentOf(to, now)) };
    if (span.from >= span.to) throw new WhenError(`${to} is not after ${from}`);
    return span;
  }
  const [since, until] = (to ? null : bothOf(from)) ?? [from, to];
  return windowOf(since, until, now);
}

function checked(time) {
  if (!(time >= 0 && time <= TIME_MAX)) throw new WhenError(`${time} is out of the calendar`);
  return time;
}

/**
 * The address of a view: `?…`, or nothing where all is as usual. What others put into `search` stays there.
 *
 * @param {View} view @param {string} [search] the present one
 */
export function searchOf(view, search = "") {
  const query = new URLSearchParams(search);
  for (const name of [...NAMES, FORMER]) query.delete(name);
  const { range, interval, frozen, at, compare, panel, theme, sort, filter, group, show, kiosk } = view;
  const put = (key, value, usual) => value !== usual && query.set(key, String(value));
  put("range", rangeWords(range), rangeWords(DEFAULTS.range));
  put("interval", interval, DEFAULTS.interval);
  if (frozen) {
    query.set("from", String(Math.round(frozen.from)));
    query.set("to", String(Math.round(frozen.to)));
  }
  if (at !== null) query.set("at", String(Math.round(at)));
  put("compare", Object.keys(COMPARISONS).find((words) => COMPARISONS[words] === compare), undefined);
  put("panel", panel, DEFAULTS.panel);
  put("theme", theme, DEFAULTS.theme);
  put("sort", sort, DEFAULTS.sort);
  put("filter", filter, DEFAULTS.filter);
  put("group", group, DEFAULTS.group);
  put("show", show, DEFAULTS.show);
  if (kiosk) query.set("kiosk", "");
  const words = query.toString().replace(/(^|&)kiosk=(?=&|$)/, "$1kiosk");
  return words && `?${words}`;
}
