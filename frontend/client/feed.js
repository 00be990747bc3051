/** A bounded queue between what arrives and a reader who awaits it; what is dropped is told as a gap. */

const ITEMS_MAX = 1000;

/**
 * @typedef {{type: "gap", from: number|null, to: number|null, why: string}} Gap
 *   ticks that will not come, by their offsets; null where these are not known
 */

/** @template T */
export class Feed {
  /** @param {{itemsMax?: number, ended?: () => void}} [options] ended: called once, when the reader leaves or it is over */
  constructor({ itemsMax = ITEMS_MAX, ended = () => {} } = {}) {
    this.#itemsMax = itemsMax;
    this.#ended = ended;
  }

  #itemsMax;
  #ended;
  /** @type {T[]} */ #items = [];
  /** @type {Gap|null} what was dropped, before the first item */ #dropped = null;
  /** @type {T|null} the columns of the first item, where these were dropped */ #columns = null;
  /** @type {(() => void)|null} */ #wake = null;
  #over = false;
  /** @type {Error|null} */ #error = null;

  /** @param {T} item */
  push(item) {
    if (this.#over) return;
    this.#items.push(item);
    if (this.#items.length > this.#itemsMax) this.#drop(/** @type {any} */ (this.#items.shift()));
    this.#wake?.();
  }

  /** The reader gets what is there, and then the end, or this error. @param {Error|null} [error] */
  end(error = null) {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#ended();
    this.#wake?.();
  }

  /** @param {any} item */
  #drop(item) {
    if (item.type === "series") {
      this.#columns = item;
      return;
    }
    const { offset = null, from = offset, to = offset } = item;
    this.#dropped ??= { type: "gap", from, to, why: "slow" };
    this.#dropped.to = to ?? this.#dropped.to;
  }

  #first() {
    if (this.#dropped) {
      const gap = this.#dropped;
      this.#dropped = null;
      return gap;
    }
    if (this.#columns) {
      const columns = this.#columns;
      this.#columns = null;
      return columns;
    }
    return this.#items.shift();
  }

  /** @returns {Promise<IteratorResult<T|Gap>>} */
  async next() {
    while (!this.#dropped && !this.#columns && this.#items.length === 0 && !this.#over) {
      await new Promise((resolve) => (this.#wake = () => resolve(undefined)));
      this.#wake = null;
    }
    const value = this.#first();
    if (value !== undefined) return { done: false, value };
    const error = this.#error;
    this.#error = null;
    if (error) throw error;
    return { done: true, value: undefined };
  }

  async return() {
    this.#items = [];
    this.#dropped = this.#columns = null;
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}
