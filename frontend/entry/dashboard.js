/** Registers the custom elements; parts before the whole. */

import { VitalComparison } from "../elements/comparison.js";
import { VitalControls } from "../elements/controls.js";
import { VitalCrosshair } from "../charts/crosshair.js";
import { VitalDashboard } from "../elements/dashboard.js";
import { VitalEmbedding } from "../elements/embedding.js";
import { VitalEvents } from "../elements/events.js";
import { VitalFlags } from "../charts/flags.js";
import { VitalHelp } from "../elements/help.js";
import { VitalMarking } from "../elements/marking.js";
import { VitalMenu } from "../elements/menu.js";
import { VitalOverview } from "../elements/overview.js";
import { VitalPanel } from "../elements/panel.js";
import { VitalPicker } from "../elements/picker.js";
import { VitalPlot } from "../charts/plot.js";
import { VitalProcess } from "../elements/process_detail.js";
import { VitalProcesses } from "../elements/processes.js";
import { VitalStatus } from "../elements/status.js";
import { VitalVitals } from "../elements/vitals.js";

customElements.define("vital-plot", VitalPlot);
customElements.define("vital-crosshair", VitalCrosshair);
customElements.define("vital-flags", VitalFlags);
customElements.define("vital-menu", VitalMenu);
customElements.define("vital-panel", VitalPanel);
customElements.define("vital-marking", VitalMarking);
customElements.define("vital-events", VitalEvents);
customElements.define("vital-overview", VitalOverview);
customElements.define("vital-process", VitalProcess);
customElements.define("vital-processes", VitalProcesses);
customElements.define("vital-vitals", VitalVitals);
customElements.define("vital-status", VitalStatus);
customElements.define("vital-comparison", VitalComparison);
customElements.define("vital-controls", VitalControls);
customElements.define("vital-help", VitalHelp);
customElements.define("vital-picker", VitalPicker);
customElements.define("vital-embedding", VitalEmbedding);
customElements.define("vital-dashboard", VitalDashboard);
