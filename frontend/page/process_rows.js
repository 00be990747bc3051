/** The rows of the table of processes as they are drawn: grouped, in the columns that are shown, and folded. */

import { formatClock } from "../charts/model/format.js";
import { grouped } from "./process_groups.js";
import { placeOf, shownColumns } from "./process_table.js";

/**
 * @typedef {import("./process_table.js").Shown} Shown
 * @typedef {{kind: "live"|"moment"|"window", columns: string[], rows: Shown[], group: string, sort: string, toggled: Set<any>,
 *            rank?: Map<any, number>|null, folded?: number, unfolded?: boolean, trend?: (keys: any[]) => string}} Told
 * @typedef {Shown & {source?: any[]}} Drawn source: the values as they were sent
 *   folded: how many idle threads of the kernel there are beside them; unfolded: they are among the rows on request
 */

/** What folds, and unfolds, the idle threads of the kernel. */
export const IDLE = "idle kernel threads";

/** @param {Told} told @returns {{columns: string[], rows: Drawn[]}} */
export function tableOf(told) {
  const columns = shownColumns(told.kind, told.columns);
  const places = columns.map((column) => placeOf(told.columns, column));
  const rows = grouped(told.rows, told.group, told).map((row) => ({ ...row, source: row.values, values: columns.map((column, i) => valueOf(told, column, places[i], row)) }));
  return { columns, rows: [...rows, ...foldOf(told, columns)] };
}

function valueOf(told, column, place, row) {
  if (column === "trend") return told.trend?.(row.members && !isProcess(row) ? membersOf(told, row) : [row.key]) ?? "";
  if (column === "span") return spanWords(row.values[told.columns.indexOf("first")], row.values[told.columns.indexOf("last")]);
  if (column === "pid" && !isProcess(row)) return null;
  return row.values[place] ?? null;
}

/** Whether it is one, and no group of several. @param {Shown} row */
export const isProcess = ({ key, fold }) => !fold && !(typeof key === "string" && key.startsWith("group "));

/** The keys of a group's rows. */
function membersOf({ columns, rows, group }, { key }) {
  const at = columns.indexOf(group === "program" ? "name" : "unit");
  return rows.filter(({ values }) => `group ${values[at] ?? "no unit"}` === key).map((row) => row.key);
}

/** What is known of the process of a row. @param {Told} told @param {Drawn} row @param {number} now Unix ms */
export function processOf({ columns, rows }, { source = [], ended, past = false }, now) {
  const of = (name, values = source) => values[columns.indexOf(name)] ?? null;
  const age = of("age");
  const parent = rows.find(({ values }) => values[0] === of("parent"));
  return {
    ...Object.fromEntries(["pid", "name", "user", "unit", "parent", "threads", "state", "command"].map((name) => [name, of(name)])),
    parentName: parent ? of("name", parent.values) : null,
    started: of("started") ?? (age === null ? null : now - age * 1000),
    ended: ended && !past,
  };
}

function spanWords(first, last) {
  if (first === null || last === null || first === undefined) return null;
  const [from, to] = [first, last].map((time) => formatClock(time, { seconds: true }));
  return from === to ? from : `${from}\u2013${to}`;
}

function foldOf({ folded = 0, unfolded = false }, columns) {
  if (!folded && !unfolded) return [];
  const name = unfolded ? `Fold ${IDLE}` : `${folded} ${folded === 1 ? IDLE.slice(0, -1) : IDLE}`;
  return [{ key: IDLE, values: columns.map((column) => (column === "name" ? name : null)), ended: false, fold: true, open: unfolded }];
}
