/** What is in the way of a panel's picture, in words. */

import { formatDay } from "../charts/model/format.js";
import { dayWords, momentWords } from "../charts/model/time_words.js";
import { errorWords } from "../client/protocol.js";

/** Whether the server has said what there is, be it nothing. */
export const known = (store) => store.position !== null && store.panel !== null;

/** Whether there is a line to draw. */
export const shows = (store) => (store.panel?.lines.length ?? 0) > 0;

/** More bars than this do not fit a small panel. */
const BARS_FEW = 2;

/** What the list of panels lets one expect of that, so that nothing jumps when it is drawn: bars have two parts as a rule. @param {import("../charts/model/panel.js").Panel} panel */
export const mayBeFew = ({ chart, series = Infinity }) => chart === "bar" && series <= 2 * BARS_FEW;

/** Whether it has bars, and so few that a small place will do. @param {import("../charts/model/panel.js").Panel} panel @param {import("../charts/model/lines.js").Layout} layout */
export const fewBars = ({ chart }, { lines }) => chart === "bar" && new Set(lines.map(({ key }) => key)).size <= BARS_FEW;

/**
 * @param {{refusal: any, failure: string, live: any, store: any, past: import("./panel_past.js").PanelPast, from: number,
 *          to: number}} now live: the stream's store; store: what is shown
 * @returns {{words: string, soft: boolean}} soft: nothing is wrong
 */
export function obstacleOf({ refusal, failure, live, store, past, from, to }) {
  if (refusal) return { words: `${errorWords(refusal)}.`, soft: false };
  if (failure) return { words: failure, soft: false };
  if (past.state === "refused") return { words: `${past.why}.`, soft: false };
  if (known(live) && !shows(live) && !shows(store)) return { words: "This machine has no data for this panel.", soft: true };
  if (!known(live) || within(store, from, to)) return { words: "", soft: true };
  if (past.state === "asking" || past.state === "coarse") return { words: "", soft: true };
  const kept = past.reaches > to ? ` Kept from ${momentWords(past.reaches, past.now)} on.` : "";
  return { words: `No data in this window.${kept}`, soft: true };
}

function within({ ring }, from, to) {
  const first = ring.firstAtOrAfter(from);
  return first < ring.length && ring.time(first) - stepOf(ring) <= to;
}

/** A row stands for the time since the one before it. */
const stepOf = (ring) => (ring.length > 1 ? ring.time(1) - ring.time(0) : 0);

/** What of the past is there two times, as the clock was set back. @param {import("./panel_past.js").PanelPast} past */
export function twiceWords({ twice, now }) {
  if (!twice) return "";
  const [from, to] = [twice.from, twice.to].map((time) => momentWords(time, now));
  return `Clock set back: recorded twice from ${from} to ${to}, the later is shown`;
}

/**
 * By which steps a chart is drawn, or since when there is anything to draw: for the corner between its axes.
 *
 * @param {import("./panel_past.js").PanelPast} past @param {number} from of the window that is drawn, Unix ms
 */
export function stepWordsOf({ said, title, reaches, now }, from) {
  const begins = Math.abs(from - reaches) < 1000;
  if (!begins) return { said, title };
  const since = momentWords(reaches, now);
  return { said: `since ${dayWords(reaches, now) ? formatDay(reaches, now) : since}`, title: `Recording since ${since}. ${title}`.trim() };
}
