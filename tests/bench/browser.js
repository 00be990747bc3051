// Twelve charts by each of several ways to draw, one after the other on the same page, fed at a steady rate.
async ({ panels, lines, points, uplot }) => {
  const load = (name) => import(`/static/${name}.js`);
  const [{ VitalPlot }, { loadPlotly }, { StreamStore }, { layoutOf }, { chartModelOf }, { CalmRange }, { nextFrame }] = await Promise.all(
    ["charts/plot", "charts/plotly", "client/store", "charts/model/lines", "charts/model/chart_model", "charts/model/axis", "dom/animation_frames"].map(load),
  );
  customElements.define("vital-plot", VitalPlot);
  const Plotly = await loadPlotly();
  const uPlot = uplot ? (await import("/uplot/uPlot.esm.js")).default : null;

  const START = 1790000000000;
  const COLORS = ["#2f6fd0", "#c8621b", "#1a8a68", "#8449b8"];
  const value = (panel, line, tick) => 5e4 * (1.2 + Math.sin(tick / (7 + line) + panel) * Math.cos(tick / 3.1 + line));
  const box = (panel) => {
    const made = document.createElement("div");
    made.className = "box";
    made.style.cssText = `left: ${8 + 480 * (panel % 3)}px; top: ${8 + 215 * Math.floor(panel / 3)}px`;
    document.body.append(made);
    return made;
  };
  const rowsOf = (panel, tick) => Array.from({ length: lines }, (_, line) => value(panel, line, tick));

  /** Our own: a stream's store, its chart model, the element; as a panel does it. */
  function vital(panel, intervalMs, some) {
    const definition = { id: "p", title: "P", chart: "line", stack: false, ...some };
    const series = COLORS.map((_, line) => ({ name: "m", unit: "By/s", attributes: { line: String(line) } }));
    const store = new StreamStore({ windowS: (points * intervalMs) / 1000, intervalS: intervalMs / 1000 });
    store.ack({ interval: intervalMs / 1000 });
    const times = Array.from({ length: points }, (_, i) => START + (i - points) * intervalMs);
    const described = COLORS.map((_, line) => ({ id: line, key: `${line}`, label: `${line}`, name: `${line}`, color: line + 1,
      direction: "up", part: "", column: line }));
    const head = { panel: "p", unit: "By/s", lines: described, more: 0, axis: { max: null, column: null, span_min: 0 },
      reference: null, headline: null };
    store.snapshot({ ...head, series, offset: 0, times, values: series.map((_, line) => times.map((_, i) => value(panel, line, i - points))) });
    const layout = layoutOf(store);
    const range = new CalmRange();
    const plot = document.createElement("vital-plot");
    box(panel).append(plot);
    const draw = () => {
      const to = store.newest;
      plot.draw(chartModelOf({ panel: definition, store, layout, range, from: to - store.windowS * 1000, to, ...plot.area }));
    };
    nextFrame(draw);
    return {
      tick(tick) {
        store.data({ offset: tick, time: START + tick * intervalMs, values: rowsOf(panel, tick) });
        nextFrame(draw);
      },
      drawn: () => plot.counts.full + plot.counts.live,
      full: () => plot.counts.full,
      lines: () => plot.querySelectorAll("path.js-line").length,
    };
  }

  /** Columns of times and values that slide, for the others. */
  function table(panel, intervalMs) {
    const x = Array.from({ length: points }, (_, i) => START + (i - points) * intervalMs);
    const y = COLORS.map((_, line) => x.map((_, i) => value(panel, line, i - points)));
    return { x, y, push(tick) {
      x.push(START + tick * intervalMs);
      x.shift();
      rowsOf(panel, tick).forEach((one, line) => {
        y[line].push(one);
        y[line].shift();
      });
    } };
  }

  function plotly(panel, intervalMs) {
    const data = table(panel, intervalMs);
    const holder = box(panel);
    let drawn = 0;
    const draw = async () => {
      const traces = data.y.map((y, line) => ({ x: data.x.slice(), y: y.slice(), type: "scatter", mode: "lines",
        line: { color: COLORS[line], width: 1.25 } }));
      const layout = { width: 470, height: 205, margin: { l: 60, r: 8, t: 8, b: 28 }, showlegend: false,
        xaxis: { type: "date", range: [data.x[0], data.x.at(-1)] }, yaxis: { range: [0, 125000] } };
      await Plotly.react(holder, traces, layout, { displayModeBar: false, showSendToCloud: false, plotlyServerURL: "" });
      drawn += 1;
    };
    nextFrame(draw);
    return { tick: (tick) => (data.push(tick), nextFrame(draw)), drawn: () => drawn, full: () => drawn,
      lines: () => holder.querySelectorAll("path.js-line").length, end: () => Plotly.purge(holder) };
  }

  function micro(panel, intervalMs) {
    const data = table(panel, intervalMs);
    let drawn = 0;
    const options = { width: 470, height: 205, legend: { show: false }, cursor: { show: false }, ms: 1,
      scales: { y: { range: [0, 125000] } },
      series: [{}, ...COLORS.map((stroke) => ({ stroke, width: 1.25, points: { show: false } }))],
      hooks: { draw: [() => { drawn += 1; }] } };
    const chart = new uPlot(options, [data.x, ...data.y], box(panel));
    const draw = () => chart.setData([data.x, ...data.y]);
    return { tick: (tick) => (data.push(tick), nextFrame(draw)), drawn: () => drawn, full: () => drawn,
      lines: () => chart.series.length - 1, end: () => chart.destroy() };
  }

  /** What a dashboard shows beside plain lines. */
  const MIXED = [{}, { stack: true }, {}, { stack: true }, { chart: "heatmap" }, {}];
  const ways = {
    nothing: () => ({ tick() {}, drawn: () => 0, full: () => 0, lines: () => 0 }),
    vitalcast: (panel, intervalMs) => vital(panel, intervalMs, {}),
    "vitalcast, mixed": (panel, intervalMs) => vital(panel, intervalMs, MIXED[panel % MIXED.length]),
    "Plotly.react": plotly,
    uPlot: micro,
  };

  let charts = [];
  let timer = 0;
  window.bench = {
    /** Puts the charts there and begins to feed them. */
    start(way, hz) {
      let tick = 0;
      charts = Array.from({ length: panels }, (_, panel) => ways[way](panel, 1000 / hz));
      timer = setInterval(() => {
        for (const chart of charts) chart.tick(tick);
        tick += 1;
      }, 1000 / hz);
    },
    counts() {
      const sum = (of) => charts.reduce((total, chart) => total + chart[of](), 0);
      return { drawn: sum("drawn"), full: sum("full"), lines: sum("lines") };
    },
    stop() {
      clearInterval(timer);
      for (const chart of charts) chart.end?.();
      charts = [];
      for (const one of document.querySelectorAll(".box")) one.remove();
    },
  };
}
