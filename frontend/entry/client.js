/** What programs import: the client, as one module without dependencies. */

import { Client, ClosedError, RefusedError } from "../client/program.js";

export { Client, ClosedError, RefusedError };
