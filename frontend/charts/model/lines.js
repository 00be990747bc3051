/** A panel's lines, as its stream describes them: their names, colours and columns. */

/**
 * @typedef {{id: number, key: string, label: string, name: string, color: number, column: number, down: boolean, part: string,
 *            partLabel: string, whole: number, levels: number, restLabel: string}} Line
 *   key: the same for what is drawn up and what is drawn down of one device, and for the parts of one bar; label: for
 *   legends; name: with the way it goes and the part that it is; color: 1 to 8, 0 for grey; column, whole, levels: in the stream's
 *   ring, -1 for none
 * @typedef {{label: string, unit: string, column: number, down: boolean|undefined, mark: ""|"up"|"down"}} HeadNumber
 *   down: which way its lines are drawn; mark: the triangle before it: a number without one is told by its label
 * @typedef {{label: string, unit: string, column: number, which: number, levels: number, end: number, rule: string,
 *            numbers: HeadNumber[]}} Headline
 *   which: the column of the id of the line whose number it is; levels: of 0, 1 and 2; both -1 for none; end: how far
 *   its small chart reaches at least; rule: what makes it alarming, in words
 * @typedef {{unit: string, lines: Line[], more: number, mirrored: boolean, max: number, maxColumn: number, spanMin: number,
 *            reference: number, headline: Headline, labels: Map<number, string>}} Layout
 *   lines: those to draw, in their order; more: how many devices are not drawn; max: where the axis ends, NaN where the
 *   data decide; maxColumn, reference: columns, -1 for none
 */

const columnOf = (column) => column ?? -1;
/** Of a panel without a line. @type {Headline} */
const NO_HEADLINE = Object.freeze({ label: "", unit: "", column: -1, which: -1, levels: -1, end: 0, rule: "", numbers: [] });

/** @type {WeakMap<object, Layout>} made once for each message */ const layouts = new WeakMap();

/**
 * @param {{panel: import("../../client/protocol.js").PanelHead|null, labels: Map<number, string>}} store
 * @returns {Layout|null} the same one until the server says otherwise; null before it has said anything
 */
export function layoutOf({ panel, labels }) {
  if (panel === null) return null;
  let layout = layouts.get(panel);
  if (!layout) layouts.set(panel, (layout = readLayout(panel, labels)));
  return layout;
}

/** @returns {Layout} */
function readLayout({ unit, lines, more, axis, reference, headline }, labels) {
  const read = lines.map(lineOf);
  return {
    unit,
    lines: read,
    more,
    mirrored: read.some(({ down }) => down) || (headline?.numbers ?? []).some(({ direction }) => direction === "down"),
    max: axis.max ?? NaN,
    maxColumn: columnOf(axis.column),
    spanMin: axis.span_min ?? 0,
    reference: columnOf(reference?.column),
    headline: headline ? headlineOf(headline) : NO_HEADLINE,
    labels,
  };
}

/** @param {import("../../client/protocol.js").PanelLine} line @returns {Line} */
const lineOf = ({ id, key, label, name, color, direction, part, part_label: partLabel = "", column, whole, levels, rest_label: restLabel = "free" }) => ({
  id,
  key,
  label,
  name,
  color,
  column,
  down: direction === "down",
  part,
  partLabel,
  whole: columnOf(whole),
  levels: columnOf(levels),
  restLabel,
});

/** @returns {Headline} */
const headlineOf = ({ label, unit, column, which, levels, end, rule, numbers }) => ({
  label,
  unit,
  column,
  which: columnOf(which),
  levels: columnOf(levels),
  end: end ?? 0,
  rule,
  numbers: numbers.map(({ direction, mark = direction ?? "", ...number }) => ({ ...number, mark, down: direction && direction === "down" })),
});

/** One column in one row; NaN where there is none. */
export const valueAt = (ring, column, row) => (column >= 0 && column < ring.width && row >= 0 && row < ring.length ? ring.value(column, row) : NaN);

/** More than any machine has, and than a chart could show. */
const LARGEST = 1e18;

/** What a chart draws of a value: NaN, as for a missing one, where it is too large. @param {number} value */
export const possible = (value) => (Math.abs(value) <= LARGEST ? value : NaN);

/** The value of each line in that row. @returns {number[]} */
export const rowValues = (ring, lines, row) => lines.map(({ column }) => valueAt(ring, column, row));
