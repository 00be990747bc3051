/** A real MQTT broker on a free port, which it prints. Run where `aedes` is installed. */
import { createServer } from "node:net";
import { createRequire } from "node:module";

const { Aedes } = createRequire(`${process.cwd()}/`)("aedes");
const broker = await Aedes.createBroker();
const server = createServer(broker.handle);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
