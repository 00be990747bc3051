/** Types of the JavaScript client of Vitalcast, `/client.js` on every server and `vitalcast` on npm. */

/** Unix milliseconds, a Date, ISO 8601, or so long ago: `-90s`, `-5m`, `-3h`, `-7d`, `-2w`. */
export type Time = number | Date | string;
export type Aggregate =
  | "last" | "avg" | "min" | "max" | "sum" | "count" | "p50" | "p90" | "p95" | "p99" | "delta" | "rate";
export type Reduce = "sum" | "avg" | "min" | "max" | "count" | "p50" | "p90" | "p95" | "p99";
/** `""` is good; null where there is no value. */
export type Level = "" | "warning" | "critical" | null;
export type Severity = "info" | "warning" | "critical";
/** Values of attributes and labels that series must have. */
export type Where = Record<string, string | string[]>;
/** What series are divided by. */
export type RatioTo = string | string[] | { metrics: string | string[]; where?: Where };

/** What is missing right before a tick or an event. */
export interface Gap {
  /** The first tick that is missing, by its offset; null where that is not known. */
  from: number | null;
  /** The last one. */
  to: number | null;
  /**
   * slow: this program, or its line, could not keep up; sampler: the server did not sample it; expired: the server no
   * longer has it; restart: the server counts anew, so nobody knows how many there were.
   */
  why: "slow" | "sampler" | "expired" | "restart" | (string & {});
}

export interface Series {
  /** `name{attribute="value"}`, and `max(…)` of that where there are several aggregates. */
  key: string;
  name: string;
  /** UCUM. */
  unit: string;
  attributes: Record<string, string>;
  labels?: Record<string, string>;
  /** Where there are several. */
  aggregate?: Aggregate;
}

/** What tells the server from where to go on. */
export interface Position {
  epoch: string;
  offset: number;
  source?: string;
}

export interface Tick {
  /** Unix ms. */
  readonly time: number;
  /** The number of the tick; null for older ticks of a backfill. */
  readonly offset: number | null;
  /** By the keys of `series`; null where there is none. */
  readonly values: Record<string, number | null>;
  /** What is missing right before this tick; null where nothing is. */
  readonly gap: Gap | null;
  readonly series: readonly Series[];
  /** Of a panel: the number that stands for it. */
  readonly headline?: { label: string; value: number | null; unit: string; level: Level } | null;
  /** Of a panel: what it draws. */
  readonly lines?: { key: string; label: string; direction: "up" | "down"; part: string; value: number | null }[];
}

interface Pace {
  /** Seconds between two ticks. */
  interval?: number;
  /** So many seconds of the past come first. */
  backfill?: number;
  /** What came after this, of an earlier run; `position` of a stream says it, in Python as a pair. */
  since?: Position | readonly [epoch: string, offset: number] | null;
  /** A source's id or name; this machine, unless told. */
  host?: string;
}

export interface MetricsRequest extends Pace {
  /** Patterns: `*` is one token, a final `>` one or more. */
  metrics: string | string[];
  where?: Where;
  aggregate?: Aggregate | Aggregate[];
  group_by?: string | string[];
  reduce?: Reduce;
  top?: number;
  /** What was so many seconds before. */
  shift?: number;
  ratio_to?: RatioTo;
}

export interface PanelRequest extends Pace {
  panel: string;
  /** So many seconds of the past decide which lines it has. */
  range?: number;
  lines?: "drawn" | "all";
}

export interface TableRequest {
  table: "processes" | (string & {});
  sort?: string;
  order?: "ascending" | "descending";
  filter?: string;
  keys?: number[];
  limit?: number;
  /** Leaves out idle threads of the kernel. */
  fold?: boolean;
  /** Seconds. */
  interval?: number;
  host?: string;
}

export type Value = string | number | boolean | null;

export interface Rows {
  /** Unix ms. */
  time: number;
  rows: Record<string, Value>[];
  columns: string[];
  /** How many rows pass the filter, with those beyond the limit. */
  matches: number;
  total: number;
}

export interface EventsRequest {
  kinds?: string | string[];
  severity?: Severity;
  /** Those of so many seconds of the past come first. */
  backfill?: number;
  host?: string;
}

export interface ServerEvent {
  /** One with a known id takes the place of the earlier. */
  id: string;
  source: string;
  /** Unix ms. */
  time: number;
  /** null while it goes on. */
  end: number | null;
  kind: string;
  severity: Severity;
  title: string;
  attributes: Record<string, Value>;
  /** What is missing right before this event; null where nothing is. */
  gap: Gap | null;
}

interface Window {
  start?: Time;
  /** Now, unless told. */
  end?: Time;
  host?: string;
  /** A later query of the same name takes the place of an earlier one. */
  stream?: string;
}

interface Steps extends Window {
  /** So many steps at least. */
  points?: number;
  /** Seconds. */
  step?: number;
  /** `["avg"]`, unless told. */
  aggregate?: Aggregate | Aggregate[];
}

export interface MetricsQuery extends Steps {
  metrics: string | string[];
  where?: Where;
  group_by?: string | string[];
  reduce?: Reduce;
  top?: number;
  shift?: number;
  ratio_to?: RatioTo;
}

export interface PanelQuery extends Steps {
  panel: string;
  lines?: "drawn" | "all";
}

export interface TableQuery extends Window {
  table: "processes";
  at?: Time;
  sort?: string;
  order?: "ascending" | "descending";
  filter?: string;
  keys?: number[];
  limit?: number;
}

export interface Result {
  source: string;
  start: number;
  end: number;
  /** Seconds. */
  step: number;
  /** What brought it: ticks as they came (`raw`), or steps of `1m`, `10m` or `1h`. */
  tiers: { tier: string; start: number; end: number }[];
  /** What was before this is no longer kept. */
  expired?: number;
  /** Whether percentiles come from histograms. */
  approximate?: boolean;
  aggregate: Aggregate[];
  series: Series[];
  /** Unix ms, each the end of its step. */
  times: number[];
  /** By the keys of `series`, one for each of the times. */
  values: Record<string, (number | null)[]>;
  /** Of a panel: what it draws, with the values of the first aggregate. */
  lines?: { key: string; label: string; direction: "up" | "down"; part: string; values: (number | null)[] }[];
}

export interface TableResult {
  source: string;
  table: string;
  start: number;
  end: number;
  matches: number;
  columns: { name: string; unit: string; description: string }[];
  rows: Record<string, Value>[];
}

/**
 * An async iterable. Leaving its last loop ends the subscription. Events: `state`, `change`, and `refused` where the
 * server says no.
 */
export interface Subscription<T> extends EventTarget, AsyncIterable<T> {
  readonly name: string;
  readonly state: "connecting" | "live" | "paused" | "refused" | "closed";
  readonly refusal: { code: number; message: string; temporary?: boolean } | null;
  [Symbol.asyncIterator](): AsyncIterator<T, undefined>;
  /** An iterator besides, which leaves the subscription as it is; `itemsMax`: so many may wait before the oldest is dropped. */
  items(options?: { itemsMax?: number }): AsyncIterableIterator<T>;
  /** Ends the subscription and its loops. */
  close(): void;
  /** The server need not send it for now. */
  hold(): void;
  /** It goes on; what was missed comes first. */
  release(): void;
}

export interface TickSubscription extends Subscription<Tick> {
  /** The last tick that a loop was given; with `since` another program goes on from there. */
  readonly position: Position | null;
  /** `range` is of a panel. */
  update(changes: { interval?: number; range?: number }): void;
}

export interface RowsSubscription extends Subscription<Rows> {
  update(changes: Partial<TableRequest>): void;
}

export interface ClientOptions {
  /** A text, or a function that is asked before each connection, so that the token can be renewed. */
  token?: string | (() => string | Promise<string>);
  /** The class to use where there is none, such as that of `ws` under Node.js before version 22. */
  WebSocket?: unknown;
  /** Whether values come as binary frames; default true. */
  binary?: boolean;
}

/**
 * Connects when something is first asked for, comes back by itself, and goes on where it stood: each tick comes once, and
 * what could not be had is the `gap` of the tick after it. Events: `link`, `welcome`, `dashboards`.
 */
export class Client extends EventTarget {
  /** @param url the server's address, with a slash at its end where it has a prefix; where this module came from, unless told */
  constructor(url?: string | URL, options?: ClientOptions);
  subscribe(request: MetricsRequest | PanelRequest, options?: { name?: string }): TickSubscription;
  table(request: TableRequest, options?: { name?: string }): RowsSubscription;
  events(request?: EventsRequest, options?: { name?: string }): Subscription<ServerEvent>;
  query(request: MetricsQuery | PanelQuery): Promise<Result>;
  query(request: TableQuery): Promise<TableResult>;
  /** The newest values. */
  latest(metrics: string | string[], request?: Omit<MetricsRequest, "metrics">): Promise<Tick>;
  /** Which series there are. */
  list(metrics?: string | string[], options?: { host?: string }): Promise<(Series & { kind: string; description: string })[]>;
  /** `waiting`: before the next try. */
  readonly link: "new" | "connecting" | "open" | "waiting" | "stopped";
  /** Why there is no connection, in words; empty where there is one. */
  readonly why: string;
  /** The server's name, once it has said welcome. */
  readonly host: string;
  /** Connects, unless it has; `stop` disconnects until then. */
  start(): void;
  stop(): void;
  /** Disconnects for good: loops end, and what waits for an answer is rejected. */
  close(): void;
}

/** The server said no; the message says why. */
export class RefusedError extends Error {
  private constructor();
  /** As in the reference of the wire. */
  readonly code: number;
  /** Whether the same may be granted later. */
  readonly temporary: boolean;
}

/** There is no connection any more, and there will be none. */
export class ClosedError extends Error {
  private constructor();
  /** The error or close code; NaN where there is none. */
  readonly code: number;
}
