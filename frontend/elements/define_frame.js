/** Registers the elements of a page that is framed by another. */

import { VitalCrosshair } from "./crosshair.js";
import { VitalEmbed } from "./embed.js";
import { VitalMenu } from "./menu.js";
import { VitalPanel } from "./panel.js";
import { VitalPlot } from "./plot.js";
import { VitalVitals } from "./vitals.js";

customElements.define("vital-plot", VitalPlot);
customElements.define("vital-crosshair", VitalCrosshair);
customElements.define("vital-menu", VitalMenu);
customElements.define("vital-panel", VitalPanel);
customElements.define("vital-vitals", VitalVitals);
customElements.define("vital-embed", VitalEmbed);
