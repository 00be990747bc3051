/** Registers the elements for pages elsewhere, unless another server's script has done so already. */

import { VitalCrosshair } from "./crosshair.js";
import { VitalcastPanel } from "./guest_panel.js";
import { VitalcastValue } from "./guest_value.js";
import { VitalPanel } from "./panel.js";
import { VitalPlot } from "./plot.js";
import { keepApart } from "./plotly.js";

if (!customElements.get("vitalcast-panel")) {
  keepApart();
  customElements.define("vital-plot", VitalPlot);
  customElements.define("vital-crosshair", VitalCrosshair);
  customElements.define("vital-panel", VitalPanel);
  customElements.define("vitalcast-panel", VitalcastPanel);
  customElements.define("vitalcast-value", VitalcastValue);
}
