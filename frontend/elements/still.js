/** The readings that a panel shows: the live ones, or while the view is frozen a copy, which the ring cannot lose. Pure. */

const oldest = ({ ring }) => (ring.length ? ring.time(0) : Infinity);

export class Still {
  /** @type {import("../core/store.js").StreamStore|null} */ #copy = null;

  /**
   * @param {import("../core/store.js").StreamStore} store the live readings
   * @param {import("../core/view.js").Window|null} frozen the window that is shown, null while live
   * @returns {import("../core/store.js").StreamStore}
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
function betterBy(copy, store, { from, to }) {
  const adds = !(copy.newest >= to) && !(store.newest <= copy.newest);
  const reachesBack = oldest(copy) > from && oldest(store) < oldest(copy);
  return (adds || reachesBack) && oldest(store) <= Math.max(oldest(copy), from);
}
