/** Registers what a dashboard shows below its vital signs; it loads while these are read already. */

import { VitalCrosshair } from "./crosshair.js";
import { VitalMenu } from "./menu.js";
import { VitalPanel } from "./panel.js";
import { VitalPlot } from "./plot.js";
import { VitalProcesses } from "./processes.js";

customElements.define("vital-plot", VitalPlot);
customElements.define("vital-crosshair", VitalCrosshair);
customElements.define("vital-menu", VitalMenu);
customElements.define("vital-panel", VitalPanel);
customElements.define("vital-processes", VitalProcesses);
