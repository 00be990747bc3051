/** The client as programs have it: values, rows and answers by name, and times as people write them. */

import { Client as Connection } from "./client.js";
import { ClosedError, RefusedError } from "./errors.js";
import { momentOf } from "./moments.js";
import { seriesKey } from "./protocol.js";
import { namedRows } from "./table_stream.js";
import { columnsOf } from "./ticks.js";

export { ClosedError, RefusedError };

/** Where a server is unless told otherwise. */
const AT_HOME = "ws://127.0.0.1:8000/ws";
const NO_WEBSOCKET = "there is no WebSocket here: pass one, new Client(url, { WebSocket }). Node.js has its own from " +
  "version 22 on; for older ones: npm install ws, and import WebSocket from \"ws\"";

/** @typedef {import("./moments.js").Time} Time */

/** The server that this module came from; a module that came from a file has none. */
function origin() {
  return /^https?:/.test(import.meta.url) ? new URL("../../", import.meta.url) : AT_HOME;
}

/** One text may stand for a list of them. */
const listed = (texts) => (typeof texts === "string" ? [texts] : texts);
const whereOf = (where) => where && Object.fromEntries(Object.entries(where).map(([key, texts]) => [key, listed(texts)]));
const ratioOf = (ratio) => (typeof ratio === "string" || Array.isArray(ratio) ? { metrics: listed(ratio) } : ratio && selected(ratio));

/** What is selected, as the wire has it. @param {any} request */
function selected({ metrics, where, aggregate, group_by: groupBy, ratio_to: ratio, ...request }) {
  const [patterns, aggregates, attributes] = [metrics, aggregate, groupBy].map(listed);
  return { ...request, metrics: patterns, where: whereOf(where), aggregate: aggregates, group_by: attributes, ratio_to: ratioOf(ratio) };
}

/** JSON has no words for some numbers: the server would take them for nothing. @param {any} request */
function sendable(request) {
  for (const [name, value] of Object.entries(request)) {
    if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`${name}: ${value} cannot be sent`);
  }
  return request;
}

/** A position as it is here, or as the client in Python writes it down. */
const positionOf = (since) => (Array.isArray(since) ? { epoch: since[0], offset: since[1] } : since);

/**
 * Connects when something is first asked for. Over a connection that breaks, or a server that restarts, it comes back by
 * itself: streams go on where they stood, each tick once, and what could not be had is the `gap` of the tick after it.
 *
 * @example
 * const client = new Client("http://127.0.0.1:8000");
 * for await (const tick of client.subscribe({ metrics: ["system.cpu.utilization"], interval: 1 })) console.log(tick.values);
 */
export class Client extends Connection {
  /**
   * @param {string|URL} [url] the server's address; where this module came from, unless told
   * @param {ConstructorParameters<typeof Connection>[1]} [options]
   * @throws {TypeError} where there is no WebSocket
   */
  constructor(url = origin(), { WebSocket = globalThis.WebSocket, binary = true, ...options } = {}) {
    if (typeof WebSocket !== "function") throw new TypeError(NO_WEBSOCKET);
    super(url, { WebSocket, binary, ...options });
  }

  /** @param {any} request @param {any} [options] */
  subscribe(request, options) {
    // Nobody looks into the store of a stream that is read in a loop.
    const asked = sendable({ ...selected(request), since: positionOf(request.since) });
    return super.subscribe(asked, { windowS: 0, ...options }).keep();
  }

  /** @param {any} request @param {any} [options] */
  table(request, options) {
    return super.table(sendable(request), options).keep();
  }

  /** @param {any} [request] @param {any} [options] */
  events({ kinds, ...request } = {}, options) {
    return super.events(sendable({ ...request, kinds: listed(kinds) }), { awake: true, resumes: true, ...options }).keep();
  }

  /** The newest values, once. @param {string|string[]} metrics @param {any} [request] @returns {Promise<any>} a tick */
  async latest(metrics, request) {
    for await (const tick of this.subscribe({ metrics, ...request })) return tick;
    throw new ClosedError("the client was closed");
  }

  /** @param {string|string[]} [metrics] @param {{host?: string}} [options] */
  async list(metrics, options) {
    const series = await super.list(listed(metrics), options);
    return series.map((one) => ({ ...one, key: seriesKey(one) }));
  }

  /** @param {any} request times as `Time` */
  async query({ start, end, at, ...request }) {
    const [from, to, then] = [start, end, at].map((time) => momentOf(time, this.clock.now()));
    const answer = await super.query(sendable({ ...selected(request), start: from, end: to, at: then }));
    return answer.rows ? tableOf(answer) : seriesOf(answer, request.ratio_to);
  }
}

/** @param {any} answer */
function tableOf({ type, id, group, columns, rows, ...rest }) {
  return { ...rest, columns, rows: namedRows(columns.map(({ name }) => name), rows) };
}

/** @param {any} answer @param {unknown} divisor by which values were divided, if they were */
function seriesOf({ type, id, group, series, values, lines, aggregate: given, ...rest }, divisor) {
  const aggregate = Array.isArray(given) ? given : [];
  const columns = columnsOf(series, { aggregate, ratio_to: divisor });
  const columnAt = (column) => values?.[column] ?? [];
  const byKey = Object.fromEntries(columns.map(({ key }, at) => [key, columnAt(at)]));
  const width = Math.max(1, aggregate.length);
  const told = Array.isArray(lines) && { lines: lines.map((line) => ({ ...line, values: columnAt(line?.column * width) })) };
  return { ...rest, aggregate, series: columns, values: byKey, ...told };
}
