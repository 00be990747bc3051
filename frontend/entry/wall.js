/** Registers the custom elements of a wall screen; parts before the whole. */

import { VitalCrosshair } from "../charts/crosshair.js";
import { VitalPanel } from "../elements/panel.js";
import { VitalPlot } from "../charts/plot.js";
import { VitalWall } from "../elements/wall.js";

customElements.define("vital-plot", VitalPlot);
customElements.define("vital-crosshair", VitalCrosshair);
customElements.define("vital-panel", VitalPanel);
customElements.define("vital-wall", VitalWall);
