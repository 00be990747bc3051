/** Registers the custom elements; parts before the whole. */

import { VitalDashboard } from "./dashboard.js";
import { VitalPanel } from "./panel.js";
import { VitalPlot } from "./plot.js";
import { VitalProcesses } from "./processes.js";
import { VitalStatus } from "./status.js";
import { VitalVitals } from "./vitals.js";

customElements.define("vital-plot", VitalPlot);
customElements.define("vital-panel", VitalPanel);
customElements.define("vital-processes", VitalProcesses);
customElements.define("vital-status", VitalStatus);
customElements.define("vital-vitals", VitalVitals);
customElements.define("vital-dashboard", VitalDashboard);
