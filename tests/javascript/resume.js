// Prints each tick of a stream as a line of JSON, over whatever happens to the line and the server.
// Arguments: the server's address; after so many ticks each the line is cut; so many ticks in all, 0 for no end.
import { Client } from "vitalcast";
import Socket from "ws";

const [, , url, cutEvery = "0", count = "0"] = process.argv;
let socket;
class WebSocket extends Socket {
  constructor(...given) {
    super(...given);
    socket = this;
  }
}

const client = new Client(url, { WebSocket });
const stream = client.subscribe({ metrics: ["vitalcast.sampler.ticks", "system.load.average"], interval: 0.1 });
let told = 0;
for await (const { time, offset, values, gap } of stream) {
  console.log(JSON.stringify({ time, offset, gap, position: stream.position, ticks: values["vitalcast.sampler.ticks"] }));
  told += 1;
  if (told === Number(count)) break;
  if (Number(cutEvery) && told % Number(cutEvery) === 0) socket.terminate();
}
client.close();
