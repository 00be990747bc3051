/** The dashboard as data: which streams a panel shows, and how they are read. */

/**
 * @typedef {{
 *   id: string, title: string, unit: string, shape: "stack"|"mirror",
 *   metrics: string[], by: string, direction?: string,
 *   up?: string, down?: string, upLabel?: string, downLabel?: string,
 *   order?: string[], rest?: string[], labels?: Record<string, string>, colors?: Record<string, number>,
 *   top?: 1|string, headline: string, least?: number, linesMax?: number,
 * }} Panel
 *   by: the attribute that tells the lines apart; order: its values from the bottom up, others follow;
 *   rest: its values that are the empty remainder and not drawn; top: what the axis ends at, a number or a metric of the same stream, else the data decides;
 *   direction: the attribute that says up or down for `mirror`
 */

/** How far back the charts reach, in seconds. */
export const WINDOW_S = 300;
export const INTERVAL_S = 1;

/** @type {readonly Panel[]} */
export const PANELS = Object.freeze([
  {
    id: "cpu",
    title: "CPU",
    unit: "1",
    shape: "stack",
    metrics: ["system.cpu.utilization"],
    by: "cpu.mode",
    order: ["system", "user", "nice", "iowait", "interrupt", "steal"],
    rest: ["idle"],
    colors: { user: 1, system: 2, nice: 3, iowait: 6, interrupt: 4, steal: 5 },
    labels: { iowait: "I/O wait" },
    top: 1,
    headline: "busy",
  },
  {
    id: "memory",
    title: "Memory",
    unit: "By",
    shape: "stack",
    metrics: ["system.memory.usage", "system.memory.limit"],
    by: "system.memory.state",
    order: ["used", "buffers", "cached"],
    rest: ["free"],
    colors: { used: 1, buffers: 3, cached: 7 },
    top: "system.memory.limit",
    headline: "used",
  },
  {
    id: "disk",
    title: "Disk",
    unit: "By/s",
    shape: "mirror",
    metrics: ["system.disk.io.rate"],
    by: "system.device",
    direction: "disk.io.direction",
    up: "read",
    down: "write",
    upLabel: "read",
    downLabel: "written",
    least: 8192,
    linesMax: 5,
    headline: "directions",
  },
  {
    id: "network",
    title: "Network",
    unit: "By/s",
    shape: "mirror",
    metrics: ["system.network.io.rate"],
    by: "network.interface.name",
    direction: "network.io.direction",
    up: "receive",
    down: "transmit",
    upLabel: "received",
    downLabel: "sent",
    least: 8192,
    linesMax: 5,
    headline: "directions",
  },
]);

/** The table of processes; how many rows fit is the page's to say. */
export const PROCESSES = Object.freeze({ table: "processes", sort: "cpu", interval: 2 });
