/** Keeps the moment that was chosen in sight: the window goes to it, and live time that leaves it behind forgets it. */

import { windowAround } from "../charts/model/zoom.js";
import { everyBeat } from "../dom/animation_frames.js";

/**
 * @param {{view: import("./view.js").View, clock: {now: () => number}}} parts clock: the server's
 * @returns {() => void} stops
 */
export function keepInSight({ view, clock }) {
  const changed = ({ detail }) => {
    const { at, frozen } = view;
    if (!detail.has("at") || at === null) return;
    const now = Math.floor(clock.now());
    const { from, to } = view.window(now);
    if (at < from || (frozen && at > to)) view.set({ frozen: windowAround(at, to - from, now) });
  };
  const beat = () => {
    const { at, frozen, range } = view;
    if (!frozen && at !== null && at < clock.now() - range * 1000) view.set({ at: null });
  };
  view.addEventListener("change", changed);
  const stopBeat = everyBeat(beat);
  return () => {
    stopBeat();
    view.removeEventListener("change", changed);
  };
}
