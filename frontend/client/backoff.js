/** How long to wait before trying again: doubling, bounded, and jittered so that viewers do not return as one. */

export class Backoff {
  /** @param {{firstMs?: number, mostMs?: number, random?: () => number}} [options] */
  constructor({ firstMs = 500, mostMs = 15_000, random = Math.random } = {}) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#random = random;
  }

  #firstMs;
  #mostMs;
  #random;
  #tries = 0;

  /** The next delay in ms: between half of the doubled step and all of it. */
  next() {
    const step = Math.min(this.#mostMs, this.#firstMs * 2 ** this.#tries);
    if (step < this.#mostMs) this.#tries += 1;
    return step * (0.5 + this.#random() / 2);
  }

  /** Another that never waits longer than this. @param {number} mostMs */
  within(mostMs) {
    return new Backoff({ firstMs: Math.min(this.#firstMs, mostMs), mostMs: Math.min(this.#mostMs, mostMs), random: this.#random });
  }

  /** A delay that the server asked for, spread over a quarter more. @param {number} ms */
  after(ms) {
    return ms * (1 + this.#random() / 4);
  }

  reset() {
    this.#tries = 0;
  }
}
