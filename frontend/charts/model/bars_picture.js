/** What an image of bars shows of them: where their parts are, and words that fit. Pure. */

/** What follows an alarming bar's first part. */
const LATER_PART = 0.45;
const MARKS = Object.freeze({ "": "", up: "\u25b2", down: "\u25bc" });

/**
 * Where each part is, as shares of the whole: its own colour while all is well.
 *
 * @param {import("./chart_model.js").BarPart[]} parts @param {string} alarm the colour of its level, or nothing
 */
export function barSpans(parts, alarm) {
  let from = 0;
  return parts.map(({ color, share }, i) => {
    const to = Math.min(1, from + Math.max(0, share || 0));
    const span = { from, to, color: alarm || `c${color}`, strength: alarm && i > 0 ? LATER_PART : 1 };
    from = to;
    return span;
  });
}

/** The numbers of a panel's head in one line. @param {{text: string, label: string, mark?: string}[]} numbers */
export const headWords = (numbers) => numbers.map(({ text, label, mark = "" }) => [MARKS[mark], text, label].filter(Boolean).join(" ")).join("  ");

/** The end of a path tells more than its beginning. @param {string} text @param {number} room @param {(text: string) => number} measure */
export function shortened(text, room, measure) {
  if (measure(text) <= room) return text;
  let kept = text.length - 1;
  while (kept > 1 && measure(`…${text.slice(-kept)}`) > room) kept -= 1;
  return `…${text.slice(-kept)}`;
}
