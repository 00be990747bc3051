/** What has come for one reader who awaits it, until the end. */

import { Waiting } from "./waiting.js";

/** @typedef {import("./waiting.js").Gap} Gap */

/** An async iterator. @template T */
export class Feed {
  /**
   * @param {{itemsMax?: number, ended?: () => void, left?: () => void}} [options]
   *   itemsMax: how many may wait before the oldest is dropped; ended: called once, when the reader leaves or it is over;
   *   left: called once the reader has had all or has left
   */
  constructor({ itemsMax, ended = () => {}, left = () => {} } = {}) {
    this.#waiting = new Waiting({ itemsMax });
    this.#ended = ended;
    this.#left = left;
  }

  /** @type {Waiting<T>} */ #waiting;
  #ended;
  #left;
  /** @type {Set<() => void>} */ #wakes = new Set();
  #over = false;
  /** @type {Error|null} */ #error = null;

  /** @param {import("./waiting.js").Part<T>} part */
  push(part) {
    if (this.#over) return;
    this.#waiting.add(part);
    this.#wake();
  }

  /** Some will not come. @param {Gap} gap */
  miss(gap) {
    if (!this.#over) this.#waiting.miss(gap);
  }

  /** The reader gets what is there, and then the end, or this error. @param {Error|null} [error] */
  end(error = null) {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#ended();
    this.#wake();
  }

  #wake() {
    for (const wake of this.#wakes) wake();
    this.#wakes.clear();
  }

  /** @returns {Promise<IteratorResult<T>>} */
  async next() {
    let value = this.#waiting.take();
    while (value === undefined && !this.#over) {
      await new Promise((resolve) => this.#wakes.add(() => resolve(undefined)));
      value = this.#waiting.take();
    }
    if (value !== undefined) return { done: false, value };
    this.#left();
    const error = this.#error;
    this.#error = null;
    if (error) throw error;
    return { done: true, value: undefined };
  }

  async return() {
    this.#waiting.clear();
    this.end();
    this.#left();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}
