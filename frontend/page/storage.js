/** What a page keeps over a reload of itself, where the browser lets it: to one in another site's frame it may not. */

/** @param {{sessionStorage: Storage}} [page] @returns {Pick<Storage, "getItem"|"setItem"|"removeItem">} one that forgets at the reload, where there is no other */
export function storageOf(page = globalThis) {
  try {
    return page.sessionStorage;
  } catch {
    const kept = new Map();
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, text) => void kept.set(key, String(text)),
      removeItem: (key) => void kept.delete(key),
    };
  }
}
