/** Registers the custom element of the operators' list of screens. */

import { VitalScreens } from "./screens.js";

customElements.define("vital-screens", VitalScreens);
