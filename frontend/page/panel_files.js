/** A panel's window as files: its values as CSV. */

import { csvOf, drawnColumns } from "../charts/model/csv.js";
import { layoutOf } from "../charts/model/lines.js";
import { PastAnswer } from "../charts/model/past_answer.js";
import { PastStore } from "../charts/model/past_store.js";
import { StreamStore } from "../client/store.js";
import { seriesOf } from "./panel_series.js";

/** @typedef {import("../charts/model/panel.js").Panel} Panel */

/** `cpu-20261128-140305.csv`: with the end of its window, in UTC. @param {Panel} panel @param {number} to Unix ms @param {string} extension */
export function fileName({ id }, to, extension) {
  const stamp = new Date(to).toISOString().slice(0, 19).replace(/[:-]/g, "").replace("T", "-");
  return `${id}-${stamp}.${extension}`;
}

/**
 * Every series of the panel, by the steps that are drawn; where the server does not give all of the window, those that are
 * drawn.
 *
 * @param {{panel: Panel, client: import("../client/client.js").Client|null, drawn: any, from: number, to: number}} options
 * @returns {Promise<Blob|null>} null where there is nothing
 */
export async function csvFile({ panel, client, drawn, from, to }) {
  const layout = layoutOf(drawn);
  if (!layout) return null;
  const all = client && (drawn instanceof PastStore ? await stepsOf(client, panel, drawn, from, to) : await seriesOf(client, panel, { intervalS: drawn.intervalS, from }));
  const whole = all && startOf(all, from) <= startOf(drawn, from);
  const every = whole ? layoutOf(all) : null;
  const text = csvOf({ columns: every ? every.lines : drawnColumns(layout), store: every ? all : drawn, from, to });
  return new Blob([text], { type: "text/csv;charset=utf-8" });
}

/** All series of a window, by steps. @returns {Promise<PastStore|null>} null where the server does not give them */
async function stepsOf(client, { id }, { stepMs }, from, to) {
  try {
    const wish = { from: Math.floor(from / stepMs) * stepMs - 1, to: Math.round(to) };
    const result = await client.query({ panel: id, lines: "all", start: wish.from, end: wish.to, step: stepMs / 1000, aggregate: ["avg"] });
    const answer = new PastAnswer(result, { ...wish, stepMs });
    const live = new StreamStore({ windowS: 1, intervalS: stepMs / 1000 });
    return new PastStore({ pieces: [{ answer, ...wish }], live, stepMs, liveTo: to });
  } catch {
    return null;
  }
}

/** When the values of a window begin; never, where there are none. */
function startOf({ ring }, from) {
  const row = ring.firstAtOrAfter(from);
  return row < ring.length ? ring.time(row) : Infinity;
}
