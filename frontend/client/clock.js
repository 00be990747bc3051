/** The server's clock as seen from here, learnt from the times that its messages carry. */

const SAMPLES_MAX = 60;
/** A message so late is one of two things: late, or stamped by a clock that was set back. */
const BEHIND_MS = 1000;
/** So many of them in a row are not late. */
const SET_BACK_AFTER = 3;

/**
 * Two clocks: the server's, which tells what time it is there and which somebody may set, and a steady one, which only
 * tells how long ago something was. Ages are of the steady one.
 */
export class ServerClock {
  /** @param {{now?: () => number, steady?: () => number}} [options] wall clock and a clock that is never set, ms */
  constructor({ now = Date.now, steady = () => performance.now() } = {}) {
    this.#now = now;
    this.#steady = steady;
  }

  #now;
  #steady;
  /** @type {number[]} server time minus steady time at arrival */ #samples = [];
  /** The best of them. */ #ahead = NaN;
  #behind = 0;

  /**
   * A message that was stamped `time` (Unix ms) by the server has just arrived. Each sample is the clocks'
   * difference less the delay of the message, so the largest of the recent ones is the best.
   */
  heard(time) {
    if (!Number.isFinite(time)) return;
    const ahead = time - this.#steady();
    this.#behind = ahead < this.#ahead - BEHIND_MS ? this.#behind + 1 : 0;
    if (this.#behind >= SET_BACK_AFTER) this.#samples = [];
    else if (this.#behind) return;
    this.#behind = 0;
    this.#samples.push(ahead);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
    this.#ahead = Math.max(...this.#samples);
  }

  /** As `heard`, for what begins a connection: what was known before may be of another server, or of another day. */
  greeted(time) {
    this.#samples = [];
    this.#ahead = NaN;
    this.heard(time);
  }

  get known() {
    return this.#samples.length > 0;
  }

  /** Unix ms on the server's clock; the local clock until the server was heard. */
  now() {
    return this.known ? this.#steady() + this.#ahead : this.#now();
  }

  /** ms on the clock that is never set. */
  steady() {
    return this.#steady();
  }

  /**
   * When that was on the steady clock; NaN for what the server's clock has yet to reach, whose age nobody knows.
   *
   * @param {number} time Unix ms on the server's clock
   */
  steadyAt(time) {
    const agoMs = this.known ? this.now() - time : 0;
    return agoMs < -BEHIND_MS ? NaN : this.#steady() - Math.max(0, agoMs);
  }
}
