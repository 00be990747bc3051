/** Registers the elements for pages elsewhere, unless another server's script has done so already. */

import { VitalCrosshair } from "../charts/crosshair.js";
import { VitalFlags } from "../charts/flags.js";
import { VitalBars } from "../elements/bars.js";
import { VitalcastPanel } from "../elements/embedded_panel.js";
import { VitalcastValue } from "../elements/embedded_value.js";
import { VitalPanel } from "../elements/panel.js";
import { VitalPlot } from "../charts/plot.js";
import { isolate } from "../charts/plotly.js";

if (!customElements.get("vitalcast-panel")) {
  isolate();
  customElements.define("vital-plot", VitalPlot);
  customElements.define("vital-bars", VitalBars);
  customElements.define("vital-crosshair", VitalCrosshair);
  customElements.define("vital-flags", VitalFlags);
  customElements.define("vital-panel", VitalPanel);
  customElements.define("vitalcast-panel", VitalcastPanel);
  customElements.define("vitalcast-value", VitalcastValue);
}
