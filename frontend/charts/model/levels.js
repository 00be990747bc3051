/** How a number is judged, row by row: it is at a level once it has lasted there, and for a while after it fell below. */

/** A number that is past its limit for a moment is a spike, and nothing is wrong. */
const FOR_MS = 5000;
/** It may be below for so long and its level stays, so that a number about its limit does not flicker. */
const KEEP_MS = 20_000;
/** Parts that add up to a limit may add up to a hair less. */
const ROUNDING = 1e-9;

/** One limit: pending from the first number past it, firing once that has lasted, until it was below for long enough. */
class Judge {
  /** @param {number} limit */
  constructor(limit) {
    this.#limit = limit - ROUNDING;
  }

  #limit;
  #pendingMs = NaN;
  #heldMs = NaN;

  /** Whether it fires after this number, which is NaN where there is none: that is no news, neither good nor bad. */
  after(value, timeMs) {
    if (Number.isNaN(value)) {
      this.#pendingMs = NaN;
      return false;
    }
    const past = value >= this.#limit;
    if (!Number.isNaN(this.#heldMs)) {
      if (past) this.#heldMs = timeMs;
      else if (timeMs - this.#heldMs >= KEEP_MS) this.#heldMs = NaN;
    } else if (!past) {
      this.#pendingMs = NaN;
    } else {
      if (Number.isNaN(this.#pendingMs)) this.#pendingMs = timeMs;
      if (timeMs - this.#pendingMs >= FOR_MS) this.#heldMs = timeMs;
    }
    if (!Number.isNaN(this.#heldMs)) this.#pendingMs = NaN;
    return !Number.isNaN(this.#heldMs);
  }
}

/**
 * The level after these numbers, the newest last, where nothing is known of what was before. The server's badges judge
 * alike, and both are held to `tests/golden/levels.json`.
 *
 * @param {Iterable<[number, number]>} moments times in ms and numbers @param {{warning?: number, critical?: number}} limits
 * @returns {import("./headline.js").Level}
 */
export function levelAfter(moments, { warning = Infinity, critical = Infinity }) {
  const judges = { warning: new Judge(warning), critical: new Judge(critical) };
  let level = /** @type {import("./headline.js").Level} */ ("");
  for (const [timeMs, value] of moments) {
    const [bad, worst] = [judges.warning.after(value, timeMs), judges.critical.after(value, timeMs)];
    level = worst ? "critical" : bad ? "warning" : "";
  }
  return level;
}
