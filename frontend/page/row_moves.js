/** Rows that change places slide there, so that the eye can follow. */

const SLIDE_MS = 220;
/** A row that comes from further away than this would only fly past. */
const FAR_PX = 900;
const stillness = globalThis.matchMedia("(prefers-reduced-motion: reduce)");

/** Where rows are, before they are moved. @param {Iterable<HTMLElement>} rows @returns {Map<HTMLElement, number>} */
export function placesOf(rows) {
  return stillness.matches || document.hidden ? new Map() : new Map([...rows].map((row) => [row, row.offsetTop]));
}

/** Has each row slide from where it was to where it is now, unless more than so many do. @param {Map<HTMLElement, number>} before @param {number} most */
export function slide(before, most) {
  // All are read before any is moved: else each would be laid out anew.
  const places = [...before].map(([row, top]) => /** @type {const} */ ([row, top - row.offsetTop]));
  const moved = places.filter(([row, by]) => by !== 0 && row.isConnected);
  if (moved.length > most) return;
  for (const [row, by] of moved) {
    if (Math.abs(by) > FAR_PX) continue;
    row.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: SLIDE_MS, easing: "ease-out" });
  }
}
