"""What a server says of a panel's columns, made up in JavaScript for tests of what the page makes of it."""

# `line` and `headOf` make a message's parts; `described` gives a store the head for the series that it has: lines in
# their order, those of `way: "out"` drawn downwards, and `top` as the yardstick that the panel names.
HEADS = """
const { layoutOf } = await load('charts/model/lines');
const line = (column, key, more = {}) =>
  ({ id: column + 1, key, label: key, name: key, color: (column % 8) + 1, direction: "up", part: "", column, ...more });
const headOf = (lines, more = {}) => ({ panel: "p", unit: "1", lines, more: 0,
  axis: { max: null, column: null, span_min: 0 }, reference: null, headline: null, ...more });
const described = (panel, store) => {
  const { order = [], max = null, reference = null, span_min = 0, below = false } = panel;
  const place = ({ key }) => (order.indexOf(key) < 0 ? 99 : order.indexOf(key));
  const lines = store.series.flatMap(({ name, attributes: { d, way } }, column) => name === "top" || d === "idle" ? []
    : [line(column, d, { direction: below && way === "out" ? "down" : "up" })]);
  lines.sort((a, b) => place(a) - place(b) || a.key.localeCompare(b.key, "en", { numeric: true }));
  const columnOf = (name) => { const at = store.series.findIndex((one) => one.name === name);
    return at < 0 ? null : at; };
  const axis = typeof max === "number" ? { max, column: null, span_min } : { max: null, column: columnOf(max),
    span_min };
  store.panel = headOf(lines, { unit: store.series[0].unit, axis,
    reference: columnOf(reference) === null ? null : { label: "", column: columnOf(reference) } });
  return layoutOf(store);
};
"""
