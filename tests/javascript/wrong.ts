// What the types of the client refuse.
import { Client, RefusedError, type Result, type Tick } from "vitalcast";

const client = new Client("http://127.0.0.1:8000", { token: async () => "text" });
// @ts-expect-error: a pattern or a panel is missing
client.subscribe({ interval: 1 });
// @ts-expect-error: no such aggregate
client.subscribe({ metrics: ["a"], aggregate: ["median"] });
client.subscribe({ metrics: "a", where: { b: "c" }, aggregate: "max", group_by: "d", ratio_to: "e" });
// @ts-expect-error: text, not a number
client.table({ table: "processes", limit: "2" });
for await (const tick of client.subscribe({ panel: "cpu", range: 60 })) {
  const same: Tick = tick;
  const value: number | null | undefined = same.values["a"];
  const level: string | null | undefined = same.headline?.level;
  // @ts-expect-error: ticks are not to be changed
  tick.time = 0;
  console.log(value, level, tick.gap?.why, tick.lines?.[0]?.label);
}
for await (const { rows } of client.table({ table: "processes" })) console.log(rows[0]?.name);
for await (const { kind, severity, gap } of client.events({ severity: "warning" })) console.log(kind, severity, gap);
const result: Result = await client.query({ metrics: "a", start: "-3h", end: new Date(), aggregate: ["max"] });
const { rows } = await client.query({ table: "processes", at: "-1h" });
console.log(result.values["a"]?.[0], rows[0]?.name);
// @ts-expect-error: only the client makes these
new RefusedError();
