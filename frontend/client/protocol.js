/** The messages of `vitalcast.v1.json`, and those of `vitalcast.v1.bin` that are text: builds what is sent, checks what arrives. */

export const JSON_PROTOCOL = "vitalcast.v1.json";
/** The same with `data` as binary frames. */
export const BINARY_PROTOCOL = "vitalcast.v1.bin";
/** Past all times that a Date can have. */
const TIME_MAX_MS = 8.64e15;
export const TOKEN_WANTED = 101;
export const TOKEN_EXPIRED = 109;
/** The id of every `hello`: streams count theirs. */
export const HELLO = "hello";

/** Why the server refuses, by the code of its `error` message. */
export const ERROR_WORDS = Object.freeze({
  100: "The server failed to answer",
  101: "The server requires a token",
  102: "This machine has no such metric",
  103: "Reading this is not allowed",
  104: "The server does not know this command",
  105: "This stream was already asked for",
  106: "The server's limit is reached",
  107: "The server did not understand the request",
  109: "The token has expired",
  111: "Too many requests",
  112: "The missed data cannot be recovered",
});

/** Why the server closed, by close code. Codes from 4500 on mean: do not come back. */
export const CLOSE_WORDS = Object.freeze({
  1001: "the server is going away",
  1006: "the connection was lost",
  1012: "the server is restarting",
  1013: "the server is too busy",
  4001: "the server is shutting down",
  4008: "this page could not keep up",
  4012: "the server heard nothing from this page",
  4029: "this page sent too much",
  4500: "the token is not valid",
  4501: "the server does not speak this page's protocol",
  4504: "the server has as many viewers as it allows",
  4507: "the server denied access",
  4509: "access was revoked",
});

/** @param {number} code */
export const staysAway = (code) => code >= 4500 && code < 5000;

/** @param {number} code @param {string} [reason] */
export const closeWords = (code, reason = "") => CLOSE_WORDS[code] ?? (reason || `the connection was closed (${code})`);

/** @param {{code: number, message: string}} error */
export function errorWords({ code, message }) {
  const words = ERROR_WORDS[code];
  if (!words) return message || `The server reported error ${code}`;
  return message ? `${words}: ${message}` : words;
}

/** Why the server did not take a token, or does not any more. @param {{code: number, message: string}} error */
export function refusalWords({ code, message }) {
  if (code === TOKEN_EXPIRED) return "the token has expired";
  const words = message.replace(/^token: /, "");
  return words ? `the token is not valid: ${words}` : CLOSE_WORDS[4500];
}

/**
 * @typedef {{epoch: string, offset: number, source?: string}} Position source: whose, where the server has said so
 * @typedef {{metrics?: string[], where?: Record<string, string[]>, aggregate?: string[], panel?: string, range?: number,
 *            lines?: "drawn"|"all", group_by?: string[], reduce?: string, top?: number, interval?: number,
 *            shift?: number, ratio_to?: {metrics: string[], where?: Record<string, string[]>},
 *            backfill?: number, since?: Position|null, host?: string}} SeriesRequest
 *   `metrics`, with `where`, `aggregate`, `group_by`, `reduce`, `top`, `shift` and `ratio_to`, or `panel` with `range` and `lines`; interval, range,
 *   shift and backfill in seconds
 * @typedef {{kinds?: string[], severity?: "info"|"warning"|"critical", backfill?: number, host?: string}} EventsRequest backfill in seconds
 * @typedef {{metrics?: string[], where?: Record<string, string[]>, aggregate?: string[], panel?: string, table?: string,
 *            keys?: number[], sort?: string, order?: "ascending"|"descending", filter?: string, limit?: number,
 *            at?: number, start?: number, end?: number, points?: number, step?: number, stream?: string,
 *            host?: string}} QueryRequest at, start and end in Unix ms, step in seconds
 * @typedef {{table: string, sort?: string, order?: "ascending"|"descending", filter?: string, keys?: number[],
 *            limit?: number, fold?: boolean, interval?: number, host?: string}} TableRequest
 * @typedef {{name: string, unit: string, attributes: Record<string, string>}} Series
 * @typedef {{id: number, key: string, label: string, name: string, color: number, direction: "up"|"down", part: string,
 *            part_label?: string, column: number, whole?: number, levels?: number, rest_label?: string}} PanelLine
 *   key: the same for both directions of a device and for all parts of a bar; color: 1 to 8, 0 for grey; column, whole, levels:
 *   places in `series`
 * @typedef {{label: string, value: number|null, unit: string, column: number, direction?: "up"|"down",
 *            mark?: ""|"up"|"down"}} PanelNumber
 * @typedef {{panel: string, unit: string, lines: PanelLine[], more: number,
 *            axis: {max: number|null, column: number|null, span_min: number},
 *            reference: {label: string, column: number}|null,
 *            headline: PanelNumber & {level: string, which: number|null, levels: number|null, end: number, rule: string,
 *                                     numbers: PanelNumber[]}|null}} PanelHead
 *   what a `snapshot` or `series` of a panel says of its columns
 */

/** Leaves out what was not given, so that the server's defaults hold. */
function command(type, id, fields) {
  const message = { type, id };
  for (const [name, value] of Object.entries(fields)) if (value !== undefined && value !== null) message[name] = value;
  return message;
}

/** @param {string} token */
export const hello = (token) => command("hello", HELLO, { token });

/** @param {number} id @param {string} stream @param {SeriesRequest & {since?: Position|null}} request */
export const subscribe = (id, stream, request) => {
  const { metrics, where, panel, range, lines, interval, aggregate, group_by, reduce, top, shift, ratio_to, backfill, host, since } = request;
  const series = { metrics, where, panel, range, lines, aggregate, group_by, reduce, top, shift, ratio_to };
  return command("subscribe", id, { stream, ...series, interval, backfill, host, since });
};

/**
 * @param {number} id @param {string} stream
 * @param {{interval?: number, range?: number, paused?: boolean, since?: Position|null, backfill?: number}} changes
 */
export const update = (id, stream, { interval, range, paused, since, backfill }) =>
  command("update", id, { stream, interval, range, paused, since, backfill });

/** @param {number} id @param {string} stream */
export const unsubscribe = (id, stream) => command("unsubscribe", id, { stream });

/** @param {number} id @param {string[]} metrics @param {string} [host] */
export const list = (id, metrics, host) => command("list", id, { metrics, host });

/** @param {number} id @param {string} stream @param {EventsRequest} request */
export const events = (id, stream, { kinds, severity, backfill, host }) => command("events", id, { stream, kinds, severity, backfill, host });

/** @param {number} id @param {QueryRequest} request */
export const query = (id, request) => command("query", id, request);

/** @param {number} id @param {string} stream @param {TableRequest} request */
export const table = (id, stream, { table, sort, order, filter, keys, limit, fold, interval, host }) =>
  command("table", id, { stream, table, sort, order, filter, keys, limit, fold, interval, host });

/** @param {number|string} id */
export const ping = (id) => command("ping", id, {});

const isNumber = (value) => typeof value === "number";
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isTime = (value) => isCount(value) && value <= TIME_MAX_MS;
const isArray = Array.isArray;
const isObject = (value) => typeof value === "object" && value !== null && !isArray(value);

const areAll = (is, list) => isArray(list) && list.every(is);
const isSeries = (one) => isObject(one) && typeof one.name === "string" && isObject(one.attributes ?? {});

/** Whether what is said of a panel is whole, where it is of one. */
const isPanel = (m) =>
  m.panel === undefined || (areAll(isObject, m.lines) && isObject(m.axis) && (m.headline === null || areAll(isObject, m.headline?.numbers)));

/** Whether what a snapshot says of where its times stand is whole, where it does. */
const isPlaced = (m) => isArray(m.offsets ?? []) && areAll(isArray, m.gaps ?? []);

/** What each known message must hold for the page to act on it. */
const SHAPES = {
  welcome: (m) => (typeof m.epoch === "string" && isNumber(m.time)) || m.auth === "required",
  ack: (m) => typeof m.stream === "string" || typeof m.scope === "string",
  snapshot: (m) => isNumber(m.group) && areAll(isSeries, m.series) && areAll(isNumber, m.times) && areAll(isArray, m.values) && isPanel(m) && isPlaced(m),
  data: (m) => isNumber(m.group) && isCount(m.offset) && isTime(m.time) && (isArray(m.values) || isObject(m.changed)),
  series: (m) => isNumber(m.group) && areAll(isSeries, m.series) && isPanel(m),
  rows: (m) => isNumber(m.group) && isArray(m.columns) && areAll(isArray, m.rows),
  gap: (m) => isNumber(m.group) && isNumber(m.from) && isNumber(m.to),
  catalogue: (m) => areAll(isSeries, m.series),
  result: (m) => (areAll(isSeries, m.series) && areAll(isArray, m.values)) || (isArray(m.columns) && areAll(isArray, m.rows)),
  event: (m) => typeof m.kind === "string" && isNumber(m.time),
  dashboards: (m) => typeof m.revision === "string",
  heartbeat: () => true,
  pong: () => true,
  error: (m) => isNumber(m.code),
  bye: (m) => isNumber(m.code),
};

/**
 * Returns the message in `text`, or `{type: "invalid", why}` where it is none. Messages of a type
 * unknown to this page pass through, so that a newer server can say more than an older page reads.
 *
 * @param {string} text
 * @returns {any}
 */
export function parse(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return { type: "invalid", why: "not JSON" };
  }
  if (!isObject(message) || typeof message.type !== "string") return { type: "invalid", why: "no type" };
  const fits = Object.hasOwn(SHAPES, message.type) && SHAPES[message.type];
  if (fits && !fits(message)) return { type: "invalid", why: `a ${message.type} without its fields` };
  return message;
}

/**
 * The canonical text of a series: `name{a="x",b="y"}`, attributes sorted by key.
 *
 * @param {Series} series
 */
export function seriesKey({ name, attributes }) {
  const pairs = Object.entries(attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  if (pairs.length === 0) return name;
  const escape = (value) => String(value).replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
  return `${name}{${pairs.map(([key, value]) => `${key}="${escape(value)}"`).join(",")}}`;
}
