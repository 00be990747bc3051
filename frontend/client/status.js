/** Whether what is shown is true now: one state, and since when. */

export const State = Object.freeze({
  CONNECTING: "connecting",
  LIVE: "live",
  STALE: "stale",
  RECONNECTING: "reconnecting",
  PAUSED: "paused",
  STOPPED: "stopped",
});

/** The server's clock was set, where it has gone so much faster or slower than the one that never is. */
const SET_MS = 1000;

/** Data older than this is stale: two readings and a half are missing, and a second for the way. */
export const staleAfterS = (intervalS) => 2.5 * intervalS + 1;

export class Status {
  #state = /** @type {string} */ (State.CONNECTING);
  #since = NaN;
  /** The same moment on a clock that is never set. */ #sinceSteady = NaN;

  /**
   * @param {{link: "new"|"connecting"|"open"|"waiting"|"stopped", ageS: number,
   *          clock: import("./clock.js").ServerClock, paused?: boolean, intervalS?: number}} facts
   *   ageS: how long ago the newest reading came, NaN before the first
   * @returns {{state: string, since: number, forS: number}} since: Unix ms on the server's clock of now, even where that
   *   was set meanwhile; forS: how long ago that was
   */
  next({ link, ageS, clock, paused = false, intervalS = 1 }) {
    const state = this.#decide(link, ageS, paused, intervalS);
    if (state !== this.#state || Number.isNaN(this.#since)) {
      this.#state = state;
      // Stale is noticed late: it began with the reading that is still the newest.
      this.#sinceSteady = clock.steady() - (state === State.STALE ? 1000 * ageS : 0);
      this.#since = NaN;
    }
    const forMs = clock.steady() - this.#sinceSteady;
    const since = clock.now() - forMs;
    if (!(Math.abs(since - this.#since) < SET_MS)) this.#since = since;
    return { state, since: this.#since, forS: forMs / 1000 };
  }

  #decide(link, ageS, paused, intervalS) {
    if (link === "stopped") return State.STOPPED;
    if (link !== "open") {
      const wasConnected = this.#state !== State.CONNECTING;
      return wasConnected || link === "waiting" ? State.RECONNECTING : State.CONNECTING;
    }
    if (paused) return State.PAUSED;
    if (Number.isNaN(ageS)) return this.#state === State.RECONNECTING ? State.RECONNECTING : State.CONNECTING;
    if (ageS <= staleAfterS(intervalS)) return State.LIVE;
    // The first readings after a return are on their way: old data does not make the new link stale yet.
    return this.#state === State.PAUSED || this.#state === State.RECONNECTING ? this.#state : State.STALE;
  }
}
