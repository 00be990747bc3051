/** Registers the custom elements of a wall screen; parts before the whole. */

import { VitalCrosshair } from "./crosshair.js";
import { VitalPanel } from "./panel.js";
import { VitalPlot } from "./plot.js";
import { VitalWall } from "./wall.js";

customElements.define("vital-plot", VitalPlot);
customElements.define("vital-crosshair", VitalCrosshair);
customElements.define("vital-panel", VitalPanel);
customElements.define("vital-wall", VitalWall);
