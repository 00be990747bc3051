/** When the next try to connect is due, and whether the server is to be asked by HTTP before. */

import { knock } from "./knock.js";

/** So often a server that is not there is looked for at once; afterwards it is asked by HTTP first. */
const AT_ONCE = 2;
/** Every so many times a socket is tried all the same: where it is that a page may open, HTTP may be forbidden. */
const REGARDLESS = 4;
/** As long as somebody looks, a server that is away is looked for as often as this at least. */
const AWAY_MOST_MS = 1500;
const LOOPBACK = /^(localhost|127\..*|\[::1\])$/;

/**
 * While somebody looks and there is a network, a server that is away is looked for every second or so. One that is
 * there and opens no socket is given longer and longer.
 */
export class Comeback {
  /**
   * @param {{url: string, connect: () => void, backoff: import("./backoff.js").Backoff, steady: () => number,
   *          knock?: (url: string) => Promise<boolean>}} parts
   */
  constructor({ url, connect, backoff, steady, knock: isThere = knock }) {
    this.#url = url;
    this.#connect = connect;
    this.#backoff = backoff;
    this.#away = backoff.within(AWAY_MOST_MS);
    this.#now = steady;
    this.#isThere = isThere;
  }

  #url;
  #connect;
  /** Between two tries where the server opens no socket. */ #backoff;
  /** Between two looks for one that is away. */ #away;
  #now;
  #isThere;
  /** Whether somebody looks. */ watched = true;
  /** How often the server was looked for since the line stood. */ #looks = 0;
  /** Whether it is there, as far as is known. */ #there = false;
  /** The time that is waited for, or the answer; undefined while none is. @type {any} */ #turn;
  #dueAt = NaN;

  /** How long until the next try; NaN while none is due. */
  get inMs() {
    return this.#dueAt - this.#now();
  }

  /** The server opens sockets: where this one does not last, it is looked for as one that is away. */
  opened() {
    this.#there = false;
  }

  /** The line stands, and has for a while. */
  settled() {
    this.#backoff.reset();
    this.#away.reset();
    this.#looks = 0;
    this.#there = false;
  }

  /** @param {number} [afterMs] as the server asked for, if it did */
  wait(afterMs = NaN) {
    const paceMs = Number.isFinite(afterMs) ? this.#backoff.after(afterMs) : this.#paceMs();
    this.#dueAt = this.#now() + paceMs;
    this.#turn = setTimeout(() => this.#look(), paceMs);
  }

  cancel() {
    clearTimeout(this.#turn);
    this.#turn = undefined;
    this.#dueAt = NaN;
  }

  #paceMs() {
    const unplugged = globalThis.navigator?.onLine === false && !LOOPBACK.test(new URL(this.#url).hostname);
    return this.watched && !unplugged && !this.#there ? this.#away.next() : this.#backoff.next();
  }

  async #look() {
    this.#looks += 1;
    if (this.#looks > AT_ONCE && this.#looks % REGARDLESS) {
      const turn = this.#turn;
      const there = await this.#isThere(this.#url);
      if (this.#turn !== turn) return; // meanwhile it was tried, or given up
      this.#there = there;
      if (!there) {
        this.wait();
        return;
      }
    }
    this.cancel();
    this.#connect();
  }
}
