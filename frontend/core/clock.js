/** The server's clock as seen from here, learnt from the times that its messages carry. */

const SAMPLES_MAX = 60;

export class ServerClock {
  /** @param {{now?: () => number, steady?: () => number}} [options] wall clock and a clock that is never set, ms */
  constructor({ now = Date.now, steady = () => performance.now() } = {}) {
    this.#now = now;
    this.#steady = steady;
  }

  #now;
  #steady;
  /** @type {number[]} server time minus local time at arrival */ #samples = [];
  #skew = NaN;

  /**
   * A message that was stamped `time` (Unix ms) by the server has just arrived. Each sample is the clocks'
   * difference less the delay of the message, so the largest of the recent ones is the best.
   */
  heard(time) {
    const now = this.#now();
    const skew = now - this.#steady();
    // The local clock was set, or the machine slept: older samples say nothing any more.
    if (Math.abs(skew - this.#skew) > 1000) this.#samples = [];
    this.#skew = skew;
    this.#samples.push(time - now);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  get known() {
    return this.#samples.length > 0;
  }

  /** Unix ms on the server's clock; the local clock until the server was heard. */
  now() {
    return this.#now() + (this.known ? Math.max(...this.#samples) : 0);
  }
}
