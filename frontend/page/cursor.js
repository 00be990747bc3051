/** Hides the pointer of a screen that nobody touches; it comes back when it is moved. */

const IDLE_MS = 3000;

/**
 * Marks the page as `idle` while the pointer rests; the style sheet hides it then.
 *
 * @returns {() => void} stops, and shows the pointer again
 */
export function hideIdleCursor() {
  const { classList } = document.documentElement;
  /** @type {any} */ let timer;
  const moved = () => {
    classList.remove("idle");
    clearTimeout(timer);
    timer = setTimeout(() => classList.add("idle"), IDLE_MS);
  };
  const heard = ["pointermove", "pointerdown"];
  for (const type of heard) addEventListener(type, moved, { passive: true });
  moved();
  return () => {
    clearTimeout(timer);
    for (const type of heard) removeEventListener(type, moved);
    classList.remove("idle");
  };
}
