/** What a panel is, as `GET /api/v1/panels` gives it, and which stream it asks for. */

/**
 * @typedef {{reduce?: string, metric?: string, where?: Record<string, string[]>, per?: string,
 *            show?: "value"|"share", label?: string}} Headline
 *   which number stands for the panel: of the lines that `metric` and `where` leave, the sum or the highest;
 *   per: what it is a share of, a metric or "rest" (all that is drawn, and the remainder)
 * @typedef {{
 *   id: string, title: string, metrics: string[], where?: Record<string, string[]>,
 *   chart?: "line"|"heatmap"|"bar", stack?: boolean, unit?: string, by?: string[],
 *   below?: Record<string, string[]>, parts?: string, order?: string[], rest?: string[],
 *   labels?: Record<string, string>, max?: number|string|null, span_min?: number, reference?: string,
 *   lines_max?: number, headline?: Headline|null, thresholds?: {warning?: number|null, critical?: number|null}|null,
 *   vital?: string, interval?: number, aggregate?: string, wide?: boolean, series?: number,
 * }} Panel the keys of `[[panels]]` in config.toml
 */

/** The table of processes; how many rows fit is the page's to say. */
export const PROCESSES = Object.freeze({ table: "processes", sort: "cpu", interval: 2 });

const LINES_MAX = 8;

/** The metrics named as yardsticks: how far, up to where, out of how many. @param {Panel} panel @returns {string[]} */
function namedBy({ max, reference, headline }) {
  const per = headline?.per === "rest" ? "" : headline?.per;
  return [max, reference, per].filter((name) => typeof name === "string" && name !== "").map(String);
}

/** The yardsticks that are no lines: all, unless the panel is about nothing else. @param {Panel} panel */
export function yardsticksOf(panel) {
  const names = new Set(namedBy(panel));
  return panel.metrics.every((pattern) => names.has(pattern)) ? new Set() : names;
}

/**
 * What the panel subscribes to. `where` would take away the yardsticks as well: beside them the page applies it.
 *
 * @param {Panel} panel @param {{rateS: number, windowS: number}} view
 * @returns {import("../../client/protocol.js").SeriesRequest}
 */
export function requestOf(panel, { rateS, windowS }) {
  const alone = namedBy(panel).length === 0 && Object.keys(panel.where ?? {}).length > 0;
  return {
    metrics: [...new Set([...panel.metrics, ...namedBy(panel)])],
    ...(alone && { where: panel.where }),
    interval: Math.max(rateS, panel.interval ?? 0),
    aggregate: [panel.aggregate ?? "avg"],
    backfill: windowS,
  };
}

/** The same for the vitals strip, whose digits nobody could read faster. @param {Panel} panel @param {{windowS: number}} view */
export const vitalRequestOf = (panel, { windowS }) => requestOf(panel, { rateS: 1, windowS });

/** How many lines are drawn: of a stack all, for half a stack is no whole. @param {Panel} panel */
export const linesMaxOf = (panel) => (panel.stack && !isMirror(panel) ? Infinity : (panel.lines_max ?? LINES_MAX));

/** Whether some lines are drawn downwards. @param {Panel} panel */
export const isMirror = ({ below }) => Object.keys(below ?? {}).length > 0;

/** Whether a metric's name fits a pattern: `*` is one token, a final `>` one or more. */
export function matchesPattern(pattern, name) {
  const wanted = pattern.split(".");
  const tokens = name.split(".");
  const open = wanted.at(-1) === ">";
  if (open ? tokens.length < wanted.length : tokens.length !== wanted.length) return false;
  return wanted.every((token, i) => token === "*" || token === tokens[i] || (open && i === wanted.length - 1));
}

/** Whether these attributes have one of the wanted values each. @param {Record<string, string[]>|undefined} where */
export const matchesWhere = (where, attributes) =>
  Object.entries(where ?? {}).every(([key, values]) => values.includes(attributes[key]));
