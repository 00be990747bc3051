// A machine that is sampled once a second: answers about its past, what comes live, and how these are joined.
const { PastAnswer } = await load("charts/model/past_answer");
const { PastHeld } = await load("charts/model/past_held");
const { PastStore } = await load("charts/model/past_store");
const { StreamStore } = await load("client/store");
const T0 = 1790000000000 - (1790000000000 % 86400000);
const valueAt = (second) => 50 + 40 * Math.sin(second / 7) + (second === 137 ? 500 : 0);
const series = [{ name: "a", unit: "1", attributes: { k: "x" } }, { name: "@value", unit: "1", attributes: {} }];
const head = { panel: "p", unit: "1", more: 0, axis: { max: null, column: null, span_min: 0 }, reference: null,
  lines: [{ id: 1, key: "x", label: "x", name: "x", color: 1, direction: "up", part: "", column: 0 }],
  headline: { label: "", value: 0, unit: "1", level: "", column: 1, which: null, levels: null, end: 1, rule: "",
    numbers: [{ label: "", value: 0, unit: "1", column: 1 }] } };
/** The seconds in (from, to], by steps: mean, least, greatest. */
function stepsOf(from, to, step) {
  const rows = [];
  for (let end = Math.floor(from / step) * step + step; end - step < to; end += step) {
    const values = [];
    for (let s = Math.max(from, end - step) + 1; s <= Math.min(to, end); s += 1) values.push(valueAt(s));
    if (values.length) rows.push([end, values.reduce((a, b) => a + b) / values.length, Math.min(...values), Math.max(...values)]);
  }
  return rows;
}
function answer(from, to, step, { drop = () => false, tiers, times, aggregates = 3 } = {}) {
  const rows = stepsOf(from, to, step).filter(([end]) => !drop(end));
  const columns = [1, 2, 3].slice(0, aggregates).map((at) => rows.map((row) => row[at]));
  const result = { type: "result", id: 1, start: T0 + from * 1000, end: T0 + to * 1000, step, aggregate: ["avg", "min", "max"].slice(0, aggregates),
    tiers: tiers ?? [{ tier: "raw", start: T0, end: T0 + to * 1000 }], series, times: times ?? rows.map(([end]) => T0 + end * 1000),
    values: [...columns, ...columns], ...head };
  return new PastAnswer(result, { from: T0 + from * 1000, to: T0 + to * 1000, stepMs: step * 1000 });
}
function live(from, to) {
  const store = new StreamStore({ windowS: 900, intervalS: 1 });
  store.ack({ interval: 1 });
  const times = Array.from({ length: to - from }, (_, i) => from + 1 + i);
  const values = times.map(valueAt);
  store.snapshot({ series, ...head, times: times.map((s) => T0 + s * 1000), values: [values, values], offset: to, epoch: "e" });
  return store;
}
const tick = (store, second) => store.data({ time: T0 + second * 1000, offset: second, values: [valueAt(second), valueAt(second)] });
const joined = (answers, store, window, step, liveTo = Infinity) => {
  const held = new PastHeld();
  for (const one of answers) held.add(one);
  const pieces = held.piecesOf({ from: T0 + window[0] * 1000, to: T0 + window[1] * 1000 }, step * 1000);
  return new PastStore({ pieces, live: store, stepMs: step * 1000, liveTo });
};
const rowsOf = ({ ring, bands }) => Array.from({ length: ring.length }, (_, row) => {
  const { low, high } = bands.get(0) ?? { low: 0, high: 0 };
  return [(ring.time(row) - T0) / 1000, ring.value(0, row), ring.value(low, row), ring.value(high, row)];
});
