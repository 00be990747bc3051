/** Registers the custom elements of the page's frame; parts before the whole. */

import { VitalControls } from "./controls.js";
import { VitalDashboard } from "./dashboard.js";
import { VitalHelp } from "./help.js";
import { VitalStatus } from "./status.js";
import { VitalVitals } from "./vitals.js";

customElements.define("vital-vitals", VitalVitals);
customElements.define("vital-status", VitalStatus);
customElements.define("vital-controls", VitalControls);
customElements.define("vital-help", VitalHelp);
customElements.define("vital-dashboard", VitalDashboard);
