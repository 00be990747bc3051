/** Whether what is shown is true now: one state, since when, and how old the data is on the server's clock. */

export const State = Object.freeze({
  CONNECTING: "connecting",
  LIVE: "live",
  STALE: "stale",
  RECONNECTING: "reconnecting",
  PAUSED: "paused",
  STOPPED: "stopped",
});

/** Data older than this is stale: two readings and a half are missing, and a second for the way. */
export const staleAfterS = (intervalS) => 2.5 * intervalS + 1;

export class Status {
  #state = /** @type {string} */ (State.CONNECTING);
  #since = NaN;

  /**
   * @param {{link: "new"|"connecting"|"open"|"waiting"|"stopped", newest: number, now: number, paused?: boolean,
   *          intervalS?: number}} facts `newest` and `now` are Unix ms on the server's clock
   * @returns {{state: string, since: number, ageS: number}} `since` is Unix ms on the server's clock
   */
  next({ link, newest, now, paused = false, intervalS = 1 }) {
    const ageS = Number.isFinite(newest) ? Math.max(0, (now - newest) / 1000) : NaN;
    const state = this.#decide(link, ageS, paused, intervalS);
    if (state !== this.#state || Number.isNaN(this.#since)) {
      this.#state = state;
      // Stale is noticed late: it began with the reading that is still the newest.
      this.#since = state === State.STALE ? newest : now;
    }
    return { state, since: this.#since, ageS };
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
