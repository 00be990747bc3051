/** What a panel is, as `GET /api/v1/panels` gives it, and which stream it asks for. */

/**
 * @typedef {{id: string, title: string, chart?: "line"|"heatmap"|"bar", stack?: boolean, vital?: string, wide?: boolean, small?: boolean,
 *            place?: string, kin?: readonly string[], variant?: string, others?: string[], section?: string, interval?: number, series?: number, metrics?: string[], where?: Record<string, string[]>,
 *            aggregate?: string}} Panel
 *   kin: the ids of all that share its place; how it looks, and what it is made from; which lines it has, and what they are called, its stream says
 */

/**
 * @param {Panel} panel @param {{intervalS: number, windowS: number, rangeS?: number}} view rangeS: what decides which lines
 *   are drawn
 * @returns {import("../../client/protocol.js").SeriesRequest}
 */
export const requestOf = (panel, { intervalS, windowS, rangeS }) => ({
  panel: panel.id,
  range: rangeS,
  interval: Math.max(intervalS, panel.interval ?? 0),
  backfill: windowS,
});
