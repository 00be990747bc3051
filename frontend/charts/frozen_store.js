/** The readings that a panel shows: the live ones, or while the view is frozen a copy, which the ring cannot lose. Pure. */

export class FrozenStore {
  /** @type {import("../client/store.js").StreamStore|null} */ #copy = null;

  /**
   * @param {import("../client/store.js").StreamStore} store the live readings
   * @param {import("../page/view.js").Window|null} frozen the window that is shown, null while live
   * @returns {import("../client/store.js").StreamStore}
   */
  of(store, frozen) {
    if (!frozen) {
      this.#copy = null;
      return store;
    }
    if (!this.#copy || betterBy(this.#copy, store, frozen)) this.#copy = store.copy();
    return this.#copy;
  }
}

/** Whether a new copy would hold more of the window than the present one, and lose nothing of it. */
function betterBy(copy, store, window) {
  const had = held(copy, window);
  const has = held(store, window);
  // The server's clock was set back: what it says of these times now is another past.
  if (had.first <= had.last && copy.setBacks !== store.setBacks) return false;
  return has.first <= had.first && has.last >= had.last && (has.first < had.first || has.last > had.last);
}

/** What part of the window there are readings of; none where it ends before it begins. */
function held({ ring }, { from, to }) {
  if (!ring.length || !(ring.time(0) <= to && ring.newest >= from)) return { first: Infinity, last: -Infinity };
  return { first: Math.max(from, ring.time(0)), last: Math.min(to, ring.newest) };
}
