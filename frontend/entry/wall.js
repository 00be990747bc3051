/** Registers the custom elements of a wall screen; parts before the whole. */

import { VitalCrosshair } from "../charts/crosshair.js";
import { VitalFlags } from "../charts/flags.js";
import { VitalBars } from "../elements/bars.js";
import { VitalPairing } from "../elements/pairing.js";
import { VitalPanel } from "../elements/panel.js";
import { VitalPlot } from "../charts/plot.js";
import { VitalWall } from "../elements/wall.js";
import { VitalWallHelp } from "../elements/wall_help.js";

customElements.define("vital-plot", VitalPlot);
customElements.define("vital-bars", VitalBars);
customElements.define("vital-crosshair", VitalCrosshair);
customElements.define("vital-flags", VitalFlags);
customElements.define("vital-panel", VitalPanel);
customElements.define("vital-pairing", VitalPairing);
customElements.define("vital-wall-help", VitalWallHelp);
customElements.define("vital-wall", VitalWall);
