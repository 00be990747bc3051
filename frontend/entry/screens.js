/** Registers the custom element of the operators' list of screens. */

import { VitalScreens } from "../elements/screens.js";

customElements.define("vital-screens", VitalScreens);
