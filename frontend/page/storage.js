/** What a page keeps over a reload of itself, where the browser lets it: to one in another site's frame it may not. */

/** @typedef {Pick<Storage, "getItem"|"setItem"|"removeItem">} Kept one that forgets at the reload, where there is no other */

/** Until the tab is closed. @param {{sessionStorage: Storage}} [page] @returns {Kept} */
export function storageOf(page = globalThis) {
  return kept(() => page.sessionStorage);
}

/** For the next visit, too. @param {{localStorage: Storage}} [page] @returns {Kept} */
export function lastingStorageOf(page = globalThis) {
  return kept(() => page.localStorage);
}

/** @param {() => Storage} find @returns {Kept} */
function kept(find) {
  try {
    return find();
  } catch {
    const held = new Map();
    return {
      getItem: (key) => held.get(key) ?? null,
      setItem: (key, text) => void held.set(key, String(text)),
      removeItem: (key) => void held.delete(key),
    };
  }
}
