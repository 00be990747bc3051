/** Registers the elements of a page that is framed by another. */

import { VitalCrosshair } from "../charts/crosshair.js";
import { VitalFlags } from "../charts/flags.js";
import { VitalBars } from "../elements/bars.js";
import { VitalEmbed } from "../elements/embed.js";
import { VitalMenu } from "../elements/menu.js";
import { VitalPanel } from "../elements/panel.js";
import { VitalPlot } from "../charts/plot.js";
import { VitalVitals } from "../elements/vitals.js";

customElements.define("vital-plot", VitalPlot);
customElements.define("vital-bars", VitalBars);
customElements.define("vital-crosshair", VitalCrosshair);
customElements.define("vital-flags", VitalFlags);
customElements.define("vital-menu", VitalMenu);
customElements.define("vital-panel", VitalPanel);
customElements.define("vital-vitals", VitalVitals);
customElements.define("vital-embed", VitalEmbed);
