/** How the panels of a section share its room: full rows without a hole, wide ones wide, small ones in pairs. Pure. */

/** More columns no row has, however wide the screen. */
const COLUMNS_MAX = 6;

/**
 * @typedef {"wide"|"small"|""} Size
 * @typedef {{column: number, span: number, row: number, rows: number}} Place from 1, as grids count
 * @typedef {{places: Place[], columns: number, rows: ("whole"|"tall"|"half"|"low")[]}} Layout
 *   rows: what stands in each: `tall` has a wide panel, two `half` rows have a pair, a `low` one has nothing but small ones
 * @typedef {{weight: number, members: number[], size: Size}} Cell
 */

/**
 * Where each panel stands, in their order. Every row is as wide as the section, and no row has much more than another.
 *
 * @param {Size[]} sizes @param {number} columns that there is room for
 * @returns {Layout}
 */
export function balanced(sizes, columns) {
  const most = Math.max(1, Math.min(COLUMNS_MAX, columns));
  const rows = rowsOf(cellsOf(sizes, most), most).flatMap((row) => (isLow(row) ? rowsOf(row.flatMap(apart), most) : [row]));
  const whole = rows.map(weightOf).reduce(leastCommon, 1);
  /** @type {Place[]} */ const places = Array(sizes.length);
  /** @type {Layout["rows"]} */ const kinds = [];
  for (const row of rows) {
    const first = kinds.length + 1;
    const unit = whole / weightOf(row);
    kinds.push(...kindsOf(row));
    let column = 1;
    for (const { weight, members } of row) {
      const span = weight * unit;
      const each = isPaired(row) && members.length === 1 ? 2 : 1;
      for (const [i, member] of members.entries()) places[member] = { column, span, row: first + i, rows: each };
      column += span;
    }
  }
  return { places, columns: whole, rows: kinds };
}

/** Small ones that follow each other share a place; of an odd number the first, which says most, has one alone. @returns {Cell[]} */
function cellsOf(sizes, most) {
  /** @type {Cell[]} */ const cells = [];
  sizes.forEach((size, i) => {
    const last = cells.at(-1);
    const others = size === "small" ? smallFrom(sizes, i) - 1 : 0;
    if (size === "small" && last?.size === "small" && last.members.length === 1 && others % 2 === 0) last.members.push(i);
    else cells.push({ weight: size === "wide" ? Math.min(2, most) : 1, members: [i], size });
  });
  return cells;
}

/** How many small ones follow each other from here on. @param {Size[]} sizes @param {number} first */
function smallFrom(sizes, first) {
  const end = sizes.findIndex((size, i) => i > first && size !== "small");
  return (end < 0 ? sizes.length : end) - first;
}

/** As few rows as there can be, of weights as equal as can be. @param {Cell[]} cells @param {number} most @returns {Cell[][]} */
function rowsOf(cells, most) {
  /** The best of the first so many cells: how many rows, how uneven, where the last begins. */
  const best = [{ rows: 0, uneven: 0, from: 0 }];
  for (let end = 1; end <= cells.length; end += 1) {
    let found = { rows: Infinity, uneven: Infinity, from: end - 1 };
    let weight = 0;
    for (let from = end - 1; from >= 0; from -= 1) {
      weight += cells[from].weight;
      if (weight > most) break;
      const tried = { rows: best[from].rows + 1, uneven: best[from].uneven + (most - weight) ** 2, from };
      if (tried.rows < found.rows || (tried.rows === found.rows && tried.uneven < found.uneven)) found = tried;
    }
    best.push(found);
  }
  const rows = [];
  for (let end = cells.length; end > 0; end = best[end].from) rows.unshift(cells.slice(best[end].from, end));
  return rows;
}

/** @param {Cell[]} row @returns {Layout["rows"]} */
function kindsOf(row) {
  if (isLow(row)) return ["low"];
  if (isPaired(row)) return ["half", "half"];
  return [row.some(({ size }) => size === "wide") ? "tall" : "whole"];
}

/** The members of a pair, each with a place of its own. @param {Cell} cell @returns {Cell[]} */
const apart = ({ members, size }) => members.map((member) => ({ weight: 1, members: [member], size }));

const isLow = (row) => row.every(({ size }) => size === "small");

const isPaired = (row) => row.some(({ members }) => members.length > 1);

const weightOf = (row) => row.reduce((sum, { weight }) => sum + weight, 0);

const divisor = (a, b) => (b ? divisor(b, a % b) : a);

const leastCommon = (a, b) => (a * b) / divisor(a, b);
