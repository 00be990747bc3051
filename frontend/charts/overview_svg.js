/** Draws the strip of the whole kept time: the load as an area, holes hatched, events as strokes, and the time below. */

import { endOf } from "./model/events.js";
import { areaPath } from "./model/overview_load.js";

const SVG = new DOMParser().parseFromString("<svg/>", "text/html").body.firstElementChild?.namespaceURI ?? null;
/** A stroke for each severity; the worst are drawn last, and are longest. */
const STROKES = Object.freeze([
  { severity: "info", share: 0.3 },
  { severity: "warning", share: 0.62 },
  { severity: "critical", share: 1 },
]);
const SPAN_HEIGHT = 3;
/** As shares of the height, which grows with the text as the style sheet says: where words end, and where the load does. */
const WORDS = Object.freeze({ above: 0.225, graph: 0.7, below: 0.955 });

/**
 * @param {HTMLElement} element whose picture this is
 * @param {{axis: import("./model/overview_axis.js").OverviewAxis, height: number, load: import("./model/overview_load.js").Load,
 *          events: import("./model/events.js").HostEvent[]}} what height: without the labels, in pixels
 */
export function drawOverview(element, { axis, height, load, events }) {
  const placeOf = (time) => axis.placeOf(time);
  const graph = Math.max(1, height * WORDS.graph);
  const svg = s("svg", {});
  svg.append(
    s("path", { class: "peak", d: areaPath(load, "peak", { placeOf, height: graph }) }),
    s("path", { class: "mean", d: areaPath(load, "mean", { placeOf, height: graph }) }),
    ...[...load.holes, ...gapsOf(events)].map(({ from, to }) => span("hole", from, to, { placeOf, y: 0, height: graph })),
    ...STROKES.flatMap(({ severity, share }) => strokes(events, severity, { placeOf, graph, share })),
    s("path", { class: "parts", d: axis.parts.slice(1).map(({ left }) => `M${left.toFixed(1)} 0V${height}`).join("") }),
    s("path", { class: "base", d: `M0 ${graph}H${axis.width}` }),
    ...axis.parts.map(({ left, words }) => text("part", left + 4, height * WORDS.above, words)),
    ...axis.ticks().map(({ x, text: words }) => text("tick", x, height * WORDS.below, words)),
  );
  element.replaceChildren(svg);
}

/** Of holes that are shorter than a step of the load, the events know. */
const gapsOf = (events) => events.filter(({ kind, end }) => kind === "gap" && end).map(({ time, end }) => ({ from: time, to: end }));

function strokes(events, severity, { placeOf, graph, share }) {
  const mine = events.filter((event) => event.severity === severity && event.kind !== "gap");
  const top = graph * (1 - share);
  const lines = mine.map(({ time }) => `M${placeOf(time).toFixed(1)} ${graph}V${top.toFixed(1)}`).join("");
  const spans = mine.filter((event) => endOf(event) > event.time);
  return [
    ...spans.map((event) => span(`span ${severity}`, event.time, endOf(event), { placeOf, y: graph - SPAN_HEIGHT, height: SPAN_HEIGHT })),
    s("path", { class: `stroke ${severity}`, d: lines }),
  ];
}

function span(name, from, to, { placeOf, y, height }) {
  const [left, right] = [placeOf(from), placeOf(to)];
  return s("rect", { class: name, x: left.toFixed(1), y, width: Math.max(1, right - left).toFixed(1), height });
}

function text(name, x, y, words) {
  const element = s("text", { class: name, x: x.toFixed(1), y });
  element.textContent = words;
  return element;
}

function s(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
