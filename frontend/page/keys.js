/** The keyboard as one table: what the page does on a key, and what its help says about it. */

import { RANGES, longWords } from "./choices.js";

/**
 * @typedef {{keys: string[], action: string, value?: number, words: string, group: string, panel?: boolean}} Binding
 *   keys: as `KeyboardEvent.key` names them, any of them; `Shift+` before one that needs it; panel: it acts on one panel
 */

/** Each range has the digit of its place. @type {Binding[]} */
const RANGE_KEYS = Object.entries(RANGES).map(([words, value], i) => ({
  group: "Range",
  keys: [`${i + 1}`],
  action: "range",
  value,
  words: `Show the last ${longWords(words).replace(/^1 /, "")}`,
}));

/** @type {readonly Binding[]} */
export const BINDINGS = Object.freeze([
  ...RANGE_KEYS,
  { group: "Time", keys: ["g"], action: "pick", words: "Go to a time" },
  { group: "Time", keys: ["+", "="], action: "zoom", value: 0.5, words: "Zoom in" },
  { group: "Time", keys: ["-"], action: "zoom", value: 2, words: "Zoom out" },
  { group: "Time", keys: ["h", "Shift+PageUp"], action: "turn", value: -1, words: "Earlier" },
  { group: "Time", keys: ["l", "Shift+PageDown"], action: "turn", value: 1, words: "Later" },
  { group: "Time", keys: ["Shift+Home"], action: "first", words: "Go to the oldest that is kept" },
  { group: "Time", keys: ["Shift+End"], action: "live", words: "Return to live" },
  { group: "Time", keys: ["b"], action: "compare", words: "Compare with the hour, day, week before" },
  { group: "Time", keys: [" "], action: "pause", words: "Pause, or return to live" },
  { group: "Time", keys: ["Escape"], action: "leave", words: "Leave full size, the moment, the window" },
  { group: "Time", keys: ["]"], action: "faster", words: "Update more often" },
  { group: "Time", keys: ["["], action: "slower", words: "Update less often" },
  { group: "Moment", keys: ["ArrowLeft"], action: "moment", value: -1, words: "Previous sample" },
  { group: "Moment", keys: ["ArrowRight"], action: "moment", value: 1, words: "Next sample" },
  { group: "Moment", keys: ["Shift+ArrowLeft"], action: "moment", value: -10, words: "Ten samples back" },
  { group: "Moment", keys: ["Shift+ArrowRight"], action: "moment", value: 10, words: "Ten samples forward" },
  { group: "Panels", keys: ["j", "ArrowDown"], action: "step", value: 1, words: "Next panel" },
  { group: "Panels", keys: ["k", "ArrowUp"], action: "step", value: -1, words: "Previous panel" },
  { group: "Panels", keys: ["f"], action: "full", panel: true, words: "Full size on or off" },
  { group: "Panels", keys: ["v"], action: "table", panel: true, words: "Show as a table" },
  { group: "Panels", keys: ["p"], action: "png", panel: true, words: "Download as an image (PNG)" },
  { group: "Panels", keys: ["c"], action: "csv", panel: true, words: "Download the data (CSV)" },
  { group: "Panels", keys: ["e"], action: "embed", panel: true, words: "Embed" },
  { group: "Page", keys: ["/"], action: "filter", words: "Filter the processes" },
  { group: "Page", keys: ["t"], action: "theme", words: "Theme: system, dark, light" },
  { group: "Page", keys: ["?"], action: "help", words: "Show this help" },
]);

/**
 * @param {{key: string, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean, shiftKey?: boolean}} event
 * @returns {Binding|null} null for keys that are the browser's or nobody's
 */
export function bindingOf({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  if (ctrlKey || metaKey || altKey) return null;
  // Which signs need shift is the keyboard's layout to say; for keys without a sign it is ours.
  const name = key.length > 1 && shiftKey ? `Shift+${key}` : key.length === 1 ? key.toLowerCase() : key;
  return BINDINGS.find(({ keys }) => keys.includes(name)) ?? null;
}

const WORDS = { " ": "Space", Escape: "Esc", ArrowLeft: "\u2190", ArrowRight: "\u2192", ArrowUp: "\u2191", ArrowDown: "\u2193", PageUp: "PgUp", PageDown: "PgDn" };

/** What is printed on the keys. @param {string} key one of a binding's @returns {string[]} pressed together */
export const capsOf = (key) =>
  (key.length > 1 ? key.split("+") : [key]).map((one) => WORDS[one] ?? (/^[a-z]$/.test(one) ? one.toUpperCase() : one));

/** The key of an action in words, to be shown beside its button. @param {string} action */
export const keyOf = (action) => capsOf(BINDINGS.find((binding) => binding.action === action)?.keys[0] ?? "").join("+");
