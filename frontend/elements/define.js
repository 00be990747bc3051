/** Registers the custom elements; parts before the whole. */

import { VitalControls } from "./controls.js";
import { VitalCrosshair } from "./crosshair.js";
import { VitalDashboard } from "./dashboard.js";
import { VitalEmbedding } from "./embedding.js";
import { VitalHelp } from "./help.js";
import { VitalMenu } from "./menu.js";
import { VitalPanel } from "./panel.js";
import { VitalPlot } from "./plot.js";
import { VitalProcesses } from "./processes.js";
import { VitalStatus } from "./status.js";
import { VitalVitals } from "./vitals.js";

customElements.define("vital-plot", VitalPlot);
customElements.define("vital-crosshair", VitalCrosshair);
customElements.define("vital-menu", VitalMenu);
customElements.define("vital-panel", VitalPanel);
customElements.define("vital-processes", VitalProcesses);
customElements.define("vital-vitals", VitalVitals);
customElements.define("vital-status", VitalStatus);
customElements.define("vital-controls", VitalControls);
customElements.define("vital-help", VitalHelp);
customElements.define("vital-embedding", VitalEmbedding);
customElements.define("vital-dashboard", VitalDashboard);
