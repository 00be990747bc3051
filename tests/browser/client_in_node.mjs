// Uses the client outside of a page, and prints what came of it as JSON. Arguments: the client's file, the server's address.
const [, , file, url] = process.argv;
const { Client, RefusedError } = await import(file);
const client = new Client(url);
const found = {};

const cpu = client.subscribe({ metrics: ["system.cpu.utilization"], interval: 0.5 });
const ticks = [];
for await (const { time, offset, values, series, gap } of cpu) {
  found.state = cpu.state;
  found.columns = series.map(({ name }) => name);
  ticks.push({ time, offset, keys: Object.keys(values), gap });
  if (ticks.length === 3) break;
}
found.ticks = ticks;
found.closed = cpu.state;

found.listed = (await client.list(["system.memory.*"])).map(({ name }) => name);
for await (const { rows } of client.table({ table: "processes", limit: 2 })) {
  found.rows = rows.length;
  found.named = rows.every(({ name }) => typeof name === "string");
  break;
}
found.refused = await client.list(["system.nothing"]).catch((error) => [error instanceof RefusedError, error.code]);
const unknown = client.subscribe({ metrics: ["system.nothing"] });
found.thrown = await unknown.items().next().catch((error) => [error.name, error.code]);
const asked = client.query({ metrics: ["system.cpu.utilization"], start: Date.now() - 60_000, end: Date.now(), points: 10 });
found.query = await asked.then(({ type }) => type, ({ name, code }) => [name, code]);
const late = client.query({ metrics: ["system.cpu.utilization"] }).catch(({ name }) => name);
client.close();
found.late = await late;
console.log(JSON.stringify(found));
