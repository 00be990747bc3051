/** What a finger meant that was put down, moved and lifted. */

/** A shorter way is a tap, in pixels; a longer time is somebody who reads with the finger. */
const LEAST = 60;
const MOST_MS = 600;
/** So much more sideways than up or down. */
const SIDEWAYS = 2;

/**
 * @param {{x: number, y: number, ms: number}} way pixels from where the finger was put down, and how long it took
 * @returns {-1|0|1} 1 for the next, to which one swipes to the left; 0 where it was no swipe
 */
export function swipeOf({ x, y, ms }) {
  if (ms > MOST_MS || Math.abs(x) < LEAST || Math.abs(x) < SIDEWAYS * Math.abs(y)) return 0;
  return x < 0 ? 1 : -1;
}
