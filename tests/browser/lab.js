// Makes a bare page of the server into one with charts and made-up pictures, and nothing else.
async () => {
  const load = (name) => import(`/static/${name}.js`);
  const sheet = (name, id) =>
    new Promise((resolve, reject) => {
      const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: `/static/styles/${name}.css` });
      if (id) link.id = id;
      link.onload = resolve;
      link.onerror = reject;
      document.head.append(link);
    });
  await Promise.all([sheet("base"), sheet("plot"), sheet("bars"), sheet("plotly", "plotly.js-style-global")]);
  document.body.replaceChildren();
  const { VitalPlot } = await load("charts/plot");
  const { VitalBars } = await load("elements/bars");
  const { VitalCrosshair } = await load("charts/crosshair");
  const { View } = await load("page/view");
  const { timeTicks, ticksOf, roundStep } = await load("charts/model/axis");
  const { formatClock } = await load("charts/model/format");
  customElements.define("vital-plot", VitalPlot);
  customElements.define("vital-bars", VitalBars);
  customElements.define("vital-crosshair", VitalCrosshair);

  const START = 1790000000000;
  const wave = (column, i) => 0.5 + 0.35 * Math.sin(i / (5 + column)) * Math.cos(i / 3);
  // A hole of eleven ticks, and a stretch that is flat, where a library may leave points out.
  const indices = (first, last) => Array.from({ length: last - first + 1 }, (_, k) => first + k).filter((i) => i < 120 || i > 130);

  /** Readings once a second up to tick `last`, with one row of NaN in the hole. */
  function table(columns, last, value = wave) {
    const rows = [];
    for (const i of indices(Math.max(0, last - 301), last)) {
      if (i === 131) rows.push({ time: START + 125_000, values: Array(columns).fill(NaN) });
      rows.push({ time: START + i * 1000, values: Array.from({ length: columns }, (_, c) => value(c, i > 200 && i < 220 ? 200 : i)) });
    }
    const times = Float64Array.from(rows, ({ time }) => time);
    return { times, columns: Array.from({ length: columns }, (_, c) => Float64Array.from(rows, ({ values }) => values[c])) };
  }

  function common(last, seconds = 300) {
    const to = START + last * 1000;
    const from = to - seconds * 1000;
    return { from, to, xTicks: timeTicks({ from, to, most: 6, clock: formatClock }),
      breaks: [{ from: START + 119_000, to: START + 131_000, why: "missing" }] };
  }

  const values = (low, high, unit) => ticksOf({ low, high, step: roundStep((high - low) / 4, unit) }, unit);

  window.lab = {
    START,
    View,
    /** Lines that point up and down; `some` changes the picture. */
    lines(last, { seconds, high = 1, reference = NaN, ...some } = {}) {
      const { times, columns } = table(3, last);
      const zero = new Float64Array(times.length);
      const shapes = columns.map((value, c) => ({ key: `line ${c}`, label: `line ${c} <b>`, color: c + 1, width: 1.25, fill: 0.16,
        down: c === 2, value, base: zero, top: c === 2 ? value.map((one) => -one) : value }));
      return { kind: "lines", ...common(last, seconds), times, shapes, low: -1, high, yTicks: values(-1, high, "1"), unit: "1",
        reference, ...some };
    },
    bands(last, { high = 1, ...some } = {}) {
      const { times, columns } = table(3, last, (c, i) => wave(c, i) / 3.2);
      let base = new Float64Array(times.length);
      const shapes = columns.map((value, c) => {
        const shape = { key: `band ${c}`, label: `band ${c}`, color: c + 1, width: 0, fill: 0.74, down: false, value, base,
          top: base.map((below, i) => below + value[i]) };
        base = shape.top;
        return shape;
      });
      return { kind: "lines", ...common(last), times, shapes, low: 0, high, yTicks: values(0, high, "1"), unit: "1",
        reference: NaN, ...some };
    },
    heatmap(last, { rows = 4, ...some } = {}) {
      const { times, columns } = table(rows, last);
      columns[1].fill(NaN, 40, 60);
      return { kind: "heatmap", ...common(last), times, low: 0, high: 1, unit: "1",
        rows: columns.map((value, c) => ({ key: String(c), label: `CPU ${c}`, value })), ...some };
    },
    bars(_last, { used = 0.5, bars = 3 } = {}) {
      const level = (share) => (share >= 0.95 ? "critical" : share >= 0.85 ? "warning" : "");
      return { kind: "bars", bars: Array.from({ length: bars }, (_, i) => {
        const share = Math.min(1, used + 0.22 * i);
        return { key: `/${i}`, label: i === 1 ? "/var/lib/containers/storage/overlay/of/a/very/long/name" : `/disk${i}`,
          parts: [{ key: "used", label: "used", color: 1, share: share * 0.9 },
            { key: "reserved", label: "reserved", color: 2, share: share * 0.1 }],
          share, level: level(share), trend: "", course: null, text: `${((1 - share) * 40).toFixed(1)} GiB free of 40 GiB` };
      }) };
    },
    /** A chart in a box; with a `view`, a crosshair over it. */
    chart({ left = 40, top = 40, width = 700, height = 300, view = null, tag = "vital-plot", box: more = "" } = {}) {
      const box = document.createElement("div");
      box.style.cssText = `position: absolute; left: ${left}px; top: ${top}px; width: ${width}px; height: ${height}px;
        background: var(--surface); ${more}`;
      const plot = document.createElement(tag);
      plot.style.cssText = "position: absolute; inset: 0";
      box.append(plot);
      document.body.append(box);
      if (view) {
        const crosshair = document.createElement("vital-crosshair");
        Object.assign(crosshair, { plot, view });
        box.append(crosshair);
      }
      return plot;
    },
    /** Until so many drawings were made. */
    async settled(plot, full, live) {
      const end = performance.now() + 60_000;
      while (plot.counts.full < full || plot.counts.live < live || plot.busy) {
        if (performance.now() > end) throw new Error(`drew ${JSON.stringify(plot.counts)}, not ${full} and ${live}`);
        await new Promise((resume) => setTimeout(resume, 15));
      }
    },
  };
}
