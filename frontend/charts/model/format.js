/** Numbers as people read them: base units (UCUM) in, short text with a fixed number of digits out. */

const NBSP = "\u00a0";
const MINUS = "\u2212";
export const NO_READING = "\u2013";
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL = ["", "k", "M", "G", "T", "P"];

/** From here on `toFixed` gives up: more digits say nothing. */
const DIGITS_BELOW = 1e21;
const DAYS_BELOW_S = 1e15;

/** So many decimal places; of more than 21 digits three and an exponent. */
const fixed = (value, places) => (Math.abs(value) < DIGITS_BELOW ? value.toFixed(places) : value.toExponential(2));

/** Three significant digits, so that a column of values keeps its width. */
function digits(value) {
  const size = Math.abs(value);
  if (size >= 99.95) return fixed(value, 0);
  if (size >= 9.995) return fixed(value, 1);
  return fixed(value, 2);
}

function prefixed(value, base, prefixes, symbol) {
  let power = 0;
  // 999.5 would print as "1000": the next prefix takes over there.
  while (Math.abs(value) >= 999.5 && power < prefixes.length - 1) {
    value /= base;
    power += 1;
  }
  const number = power === 0 && (Number.isInteger(value) || symbol.startsWith("B")) ? fixed(value, 0) : digits(value);
  const unit = prefixes[power] + symbol;
  return unit ? `${number}${NBSP}${unit}` : number;
}

const PREFIXED = new Set(["Hz", "V", "W", "A", "J"]);

/** Shares, and seconds spent a second, which are shares as well: read best in percent. */
export const isRatio = (unit) => unit === "1" || unit === "s/s";

/**
 * Formats `value`, given in the UCUM `unit`, with its unit.
 *
 * @param {number|null|undefined} value @param {string} [unit]
 * @returns {string}
 */
export function formatValue(value, unit = "") {
  return Number.isFinite(value) ? signed(text(value, unit)) : NO_READING;
}

/** A leading hyphen as a minus sign, and none before what rounds to zero. */
const signed = (text) => text.replace(/^-(?=[0.]+(?![.\d]))/, "").replace(/^-/, MINUS);

function text(value, unit) {
  if (isRatio(unit)) return Number.isFinite(value * 100) ? `${fixed(value * 100, 1)}${NBSP}%` : NO_READING;
  if (unit === "By") return prefixed(value, 1024, BINARY, "B");
  if (unit === "By/s") return prefixed(value, 1024, BINARY, "B/s");
  if (unit === "s") return formatDuration(value);
  if (PREFIXED.has(unit)) return prefixed(value, 1000, DECIMAL, unit);
  if (unit === "rpm") return `${fixed(value, 0)}${NBSP}rpm`;
  if (unit === "Cel") return `${fixed(value, 1)}${NBSP}\u00b0C`;
  const [count, per] = unit.split("/");
  // {thread}, {process}: what is counted is said by the label, only the "per" matters here.
  if (count.startsWith("{") || count === "" || count === "1") return prefixed(value, 1000, DECIMAL, per ? `/${per}` : "");
  return `${digits(value)}${NBSP}${unit}`;
}

/** A label of an axis: the shortest text that is still exact for the round numbers that ticks are. */
export function formatTick(value, unit = "") {
  if (value === 0) return isRatio(unit) ? `0${NBSP}%` : "0";
  if (isRatio(unit) && Number.isFinite(value * 100)) return signed(`${trim(value * 100, 2)}${NBSP}%`);
  return formatValue(value, unit).replace(/\.0+(?=\D|$)/, "").replace(/(\.\d*?)0+(?=\D|$)/, "$1");
}

const trim = (value, places) => String(Number(fixed(value, places)));

const STEPS = [
  { name: "d", length: 86_400 },
  { name: "h", length: 3600 },
  { name: "min", length: 60 },
  { name: "s", length: 1 },
];

/**
 * A span of time in at most two steps: `0.25 s`, `42 s`, `3 min 5 s`, `2 h 10 min`, `6 d 4 h`.
 *
 * @param {number} seconds
 */
export function formatDuration(seconds) {
  if (!Number.isFinite(seconds)) return NO_READING;
  const size = Math.abs(seconds);
  if (size > 0 && size < 0.9995) return `${(seconds * 1000).toFixed(size < 0.01 ? 1 : 0)}${NBSP}ms`;
  if (size < 9.95 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)}${NBSP}s`;
  if (size >= DAYS_BELOW_S) return `${seconds.toExponential(2)}${NBSP}s`;
  const whole = Math.round(size);
  const first = STEPS.findIndex(({ length }) => whole >= length);
  if (first < 0) return `0${NBSP}s`;
  const { name, length } = STEPS[first];
  const rest = STEPS[first + 1];
  let words = `${Math.floor(whole / length)}${NBSP}${name}`;
  const second = rest ? Math.floor((whole % length) / rest.length) : 0;
  if (second) words += `${NBSP}${second}${NBSP}${rest.name}`;
  return seconds < 0 ? `-${words}` : words;
}

/** An age, in whole seconds at first so that a calm page does not flicker: `< 1 s old`, `3 s old`. */
export function formatAge(seconds) {
  if (!Number.isFinite(seconds)) return NO_READING;
  return `${seconds < 1 ? `<${NBSP}1${NBSP}s` : formatDuration(Math.floor(seconds))} old`;
}

const pad = (number) => String(number).padStart(2, "0");

/** The reader's local wall time: `14:03`, with seconds where asked. @param {number} ms Unix */
export function formatClock(ms, { seconds = false } = {}) {
  if (!Number.isFinite(ms)) return NO_READING;
  const date = new Date(ms);
  const minutes = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
  return seconds ? `${minutes}:${pad(date.getSeconds())}` : minutes;
}

const MONTHS = Object.freeze(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]);

/** The reader's local day: `3 Nov`, with the year where it is another than that of `now`. @param {number} ms @param {number} [now] */
export function formatDay(ms, now = Date.now()) {
  if (!Number.isFinite(ms)) return NO_READING;
  const date = new Date(ms);
  const day = `${date.getDate()}${NBSP}${MONTHS[date.getMonth()]}`;
  return date.getFullYear() === new Date(now).getFullYear() ? day : `${day}${NBSP}${date.getFullYear()}`;
}

/** A month: `Nov`, and the year in place of a January. @param {number} ms */
export function formatMonth(ms) {
  const date = new Date(ms);
  return date.getMonth() ? MONTHS[date.getMonth()] : String(date.getFullYear());
}
