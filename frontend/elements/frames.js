/** One animation frame and one clock for all elements, however many there are. */

/** @type {Set<() => void>} */ const drawings = new Set();
let frame = 0;

function drawAll() {
  frame = 0;
  const due = [...drawings];
  drawings.clear();
  for (const draw of due) draw();
}

/** Runs `draw` once in the next frame, however often it is asked for; never in a hidden tab. @param {() => void} draw */
export function nextFrame(draw) {
  drawings.add(draw);
  if (!frame) frame = requestAnimationFrame(drawAll);
}

/** @param {() => void} draw */
export const forgetFrame = (draw) => drawings.delete(draw);

const BEAT_MS = 500;
/** @type {Set<() => void>} */ const beats = new Set();
/** @type {any} */ let timer;

/** Runs `beat` twice a second until the returned function is called. @param {() => void} beat */
export function everyBeat(beat) {
  beats.add(beat);
  timer ??= setInterval(() => beats.forEach((one) => one()), BEAT_MS);
  return () => {
    beats.delete(beat);
    if (beats.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}
