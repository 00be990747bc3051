/** What a panel draws on: its chart with what lies over it; of what fills a list, which has no time to point at. */

import { Culprits } from "../charts/culprits.js";
import { h } from "../dom/html.js";

/** The elements that draw. */
export const DRAWS = "vital-plot, vital-bars";

/**
 * @param {any} panel a `<vital-panel>` @param {() => any} shown what there is to read of a moment
 * @returns {{plot: any, over: HTMLElement[], culprits: Culprits|null}} over: what lies over the plot
 */
export function canvasOf(panel, shown) {
  const { definition, view, clock, events, past } = panel;
  const { id, title, chart } = definition;
  const described = { "aria-describedby": `summary-${id}` };
  if (chart === "bar") return { plot: h("vital-bars", { "aria-label": title, ...described }), over: [], culprits: null };
  const plot = h("vital-plot", { role: "img", "aria-label": `${title}, live chart`, ...described });
  const crosshair = Object.assign(h("vital-crosshair"), { plot, view, clock, past });
  const flags = events ? [Object.assign(h("vital-flags"), { plot, view, clock, events, panel: definition })] : [];
  const culprits = definition.others?.length ? new Culprits({ panel: definition, plot, crosshair, view, shown }) : null;
  return { plot, over: [crosshair, ...flags, ...(culprits ? [culprits.element] : [])], culprits };
}
