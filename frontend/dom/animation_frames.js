/** One animation frame and one clock for all elements, however many there are. */

/** What is left after that waits for the next frame: input must never wait for a dozen charts at once. */
const FRAME_MS = 10;

/** @type {Set<() => void>} those that wait, the longest waiting first */ const drawings = new Set();
let frame = 0;

function drawSome() {
  frame = 0;
  const start = performance.now();
  // Those that ask again while they are drawn come in the next frame.
  for (const draw of [...drawings]) {
    if (performance.now() - start > FRAME_MS) break;
    drawings.delete(draw);
    attempt(draw);
  }
  request();
}

/** A chart that fails must not take the others with it. */
function attempt(draw) {
  try {
    draw();
  } catch (error) {
    reportError(error);
  }
}

function request() {
  if (drawings.size && !document.hidden) frame ||= requestAnimationFrame(drawSome);
}

/**
 * Runs `draw` once in a coming frame, however often it is asked for; never in a hidden tab.
 *
 * @param {() => void} draw @param {boolean} [first] before those that wait already: the reader looks at this one
 */
export function nextFrame(draw, first = false) {
  if (first && !drawings.has(draw)) {
    const others = [...drawings];
    drawings.clear();
    for (const one of [draw, ...others]) drawings.add(one);
  } else drawings.add(draw);
  request();
}

document.addEventListener("visibilitychange", request);

/** @param {() => void} draw */
export const forgetFrame = (draw) => drawings.delete(draw);

const BEAT_MS = 500;
/** @type {Set<() => void>} */ const beats = new Set();
/** @type {any} */ let timer;

/** Runs `beat` twice a second until the returned function is called. @param {() => void} beat */
export function everyBeat(beat) {
  beats.add(beat);
  timer ??= setInterval(() => beats.forEach(attempt), BEAT_MS);
  return () => {
    beats.delete(beat);
    if (beats.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}
