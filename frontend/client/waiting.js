/** What waits for a reader: bounded, the oldest is dropped, and what did not come is the `gap` of what comes next. */

const ITEMS_MAX = 1000;

/**
 * @typedef {{from: number|null, to: number|null, why: string}} Gap
 *   ticks that will not come, by their offsets; null where these are not known
 */

/** How many ticks it is. @param {Gap} gap */
const sizeOf = ({ from, to }) => (from === null || to === null ? Infinity : to - from + 1);

/** Two gaps with nothing between them, as one, for the reason of the larger. @param {Gap|null} before @param {Gap|null} after @returns {Gap|null} */
function joined(before, after) {
  if (!before || !after) return before ?? after;
  const { why } = sizeOf(after) > sizeOf(before) ? after : before;
  if (before.why === after.why) return { from: before.from ?? after.from, to: after.to ?? before.to, why };
  const [from, to] = [Math.min(before.from ?? NaN, after.from ?? NaN), Math.max(before.to ?? NaN, after.to ?? NaN)];
  return { from: Number.isNaN(from) ? null : from, to: Number.isNaN(to) ? null : to, why };
}

/**
 * Many items that came at once are one part, of which each is made when it is read: what is dropped costs nothing.
 *
 * @template T
 * @typedef {{count: number, make: (row: number, gap: Gap|null) => T, offsetOf: (row: number) => number|null}} Part
 */

/** @template T */
export class Waiting {
  /** @param {{itemsMax?: number}} [options] how many may wait, besides those that came at once */
  constructor({ itemsMax = ITEMS_MAX } = {}) {
    this.#itemsMax = this.#most = itemsMax;
  }

  #itemsMax;
  /** How many may wait now. */ #most;
  #count = 0;
  /** How many of the first part have gone. */ #gone = 0;
  /** @type {(Part<T>|Gap)[]} */ #parts = [];
  /** @type {Gap|null} what is missing before the first */ #gap = null;

  /** @param {Part<T>} part */
  add(part) {
    if (part.count === 0) return;
    this.#parts.push(part);
    this.#count += part.count;
    // A past that was asked for is as long as the server lets it be.
    if (part.count > 1) this.#most = Math.max(this.#most, this.#itemsMax + part.count);
    while (this.#count > this.#most) this.#drop();
  }

  /** @param {Gap} gap of what would have come now */
  miss({ from, to, why }) {
    const last = this.#parts.at(-1);
    const gap = /** @type {Gap} */ (joined(last && "why" in last ? last : null, { from, to, why }));
    if (last && "why" in last) this.#parts.pop();
    this.#parts.push(gap);
  }

  /** @returns {T|undefined} the oldest, where there is one */
  take() {
    const part = this.#first();
    if (!part) return undefined;
    const gap = this.#gap;
    this.#gap = null;
    return part.make(this.#pass(part), gap);
  }

  clear() {
    this.#parts = [];
    this.#gap = null;
    this.#count = this.#gone = 0;
  }

  #drop() {
    const part = /** @type {Part<T>} */ (this.#first());
    const offset = part.offsetOf(this.#pass(part));
    this.#gap = joined(this.#gap, { from: offset, to: offset, why: "slow" });
  }

  /** The first part, with the gaps before it taken note of. */
  #first() {
    while (this.#parts.length && "why" in this.#parts[0]) {
      this.#gap = joined(this.#gap, /** @type {Gap} */ (this.#parts.shift()));
    }
    return /** @type {Part<T>|undefined} */ (this.#parts[0]);
  }

  /** Passes on to the row after the first, and returns that. @param {Part<T>} part */
  #pass(part) {
    const row = this.#gone;
    this.#gone += 1;
    this.#count -= 1;
    if (this.#gone === part.count) {
      this.#parts.shift();
      this.#gone = 0;
    }
    return row;
  }
}
