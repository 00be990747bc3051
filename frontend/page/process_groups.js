/** Processes as what they belong to: programs, units and containers, or a tree; with sums, and opened or not. */

import { compare, orderOf, placeOf } from "./process_table.js";

/**
 * @typedef {import("./process_table.js").Shown} Shown
 * @typedef {{columns: string[], sort: string, toggled: Set<any>, rank?: Map<any, number>|null}} Wanted
 *   toggled: the keys of those that are not as they are at first, which groups are closed and branches are open; rank: the
 *   order in which they stay, where they are held
 */

const SUMMED = ["cpu", "memory", "memory_peak", "read", "write", "threads"];
const GREATEST = ["cpu_peak", "last", "age"];
const LEAST = ["first"];
/** What all have in common is said of the whole. */
const COMMON = ["name", "user", "unit", "state", "ended"];
const DEPTH_MAX = 8;
/** No table is longer: nobody reads so far, and each row is laid out. */
export const ROWS_MAX = 300;

/** What belongs to no unit, or where that is not known. */
const NO_UNIT = "no unit";

/** @param {Shown[]} rows in their order @param {string} group one of GROUPS @param {Wanted} wanted @returns {Shown[]} */
export function grouped(rows, group, wanted) {
  if (group === "tree") return treeOf(rows, wanted).slice(0, ROWS_MAX);
  if (group === "program" || group === "unit") return groupsOf(rows, group, wanted).slice(0, ROWS_MAX);
  return rows;
}

function groupsOf(rows, group, wanted) {
  const at = wanted.columns.indexOf(group === "program" ? "name" : "unit");
  /** @type {Map<string, Shown[]>} */ const groups = new Map();
  for (const row of rows) {
    const name = String(row.values[at] ?? NO_UNIT);
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  // A program of one process is that process.
  const wholeFor = (name, members) => (members.length === 1 && group === "program" ? members[0] : wholeOf(name, members, wanted));
  const made = [...groups].map(([name, members]) => ({ members, whole: wholeFor(name, members) }));
  return inOrder(made, wanted).flatMap(({ members, whole }) => {
    return whole.open ? [whole, ...members.map((row) => ({ ...row, depth: 1 }))] : [whole];
  });
}

function wholeOf(name, members, { columns, toggled }) {
  const key = `group ${name}`;
  const values = sumOf(members, columns);
  values[columns.indexOf("name")] = name;
  return { key, values, ended: members.every(({ ended }) => ended), past: members.some(({ past }) => past === true), depth: 0, members: members.length, open: toggled.has(key) };
}

/** @param {Shown[]} rows @param {string[]} columns */
function sumOf(rows, columns) {
  return columns.map((column, i) => {
    const known = rows.map(({ values }) => values[i]).filter((value) => value !== null && value !== undefined);
    if (!known.length) return null;
    if (COMMON.includes(column)) return known.every((value) => value === known[0]) ? known[0] : null;
    const numbers = known.map(Number);
    if (SUMMED.includes(column)) return numbers.reduce((sum, one) => sum + one, 0);
    if (GREATEST.includes(column)) return Math.max(...numbers);
    return LEAST.includes(column) ? Math.min(...numbers) : null;
  });
}

/** @template {{whole: Shown}} T @param {T[]} made @param {Wanted} wanted @returns {T[]} */
function inOrder(made, { columns, sort, rank }) {
  if (rank) return made.sort((a, b) => (rank.get(a.whole.key) ?? Infinity) - (rank.get(b.whole.key) ?? Infinity) || 0);
  const { column, descending } = orderOf(sort);
  const at = placeOf(columns, column);
  return at < 0 ? made : made.sort((a, b) => compare(a.whole.values[at], b.whole.values[at], descending));
}

// --- the tree ------------------------------------------------------------------------------------------------------

/** @typedef {{row: Shown, all: Shown[], whole: Shown, children: Node[]}} Node all: itself and what it has started */

function treeOf(rows, wanted) {
  const at = wanted.columns.indexOf("parent");
  const byPid = new Map(rows.map((row) => [row.values[0], row]));
  /** @type {Map<any, Shown[]>} */ const children = new Map();
  const roots = [];
  for (const row of rows) {
    const parent = row.values[at];
    if (parent === row.values[0] || !byPid.has(parent)) roots.push(row);
    else children.set(parent, [...(children.get(parent) ?? []), row]);
  }
  const seen = new Set();
  const nodesOf = (some) => some.filter((row) => !seen.has(row) && seen.add(row)).map((row) => nodeOf(row, nodesOf(children.get(row.values[0]) ?? []), wanted.columns));
  const nodes = nodesOf(roots);
  // Where pids are used again while they are read, two may be each other's parents.
  return [...flat(nodes, 0, wanted), ...flat(nodesOf(rows), 0, wanted)];
}

function nodeOf(row, children, columns) {
  const all = [row, ...children.flatMap((child) => child.all)];
  const sum = children.length ? sumOf(all, columns) : row.values;
  const values = columns.map((column, i) => (SUMMED.includes(column) ? sum[i] : row.values[i]));
  return { row, all, children, whole: { ...row, values } };
}

/** @param {Node[]} nodes @param {number} depth @param {Wanted} wanted @returns {Shown[]} */
function flat(nodes, depth, wanted) {
  return inOrder(nodes, wanted).flatMap(({ row, all, whole, children }) => {
    const open = !wanted.toggled.has(row.key);
    const at = { depth: Math.min(depth, DEPTH_MAX), ...(children.length && { members: all.length, open }) };
    return open ? [{ ...row, ...at }, ...flat(children, depth + 1, wanted)] : [{ ...whole, ...at }];
  });
}
