// Replays golden conversations to the JavaScript client, and prints what it does otherwise, by the conversation's name.
// Arguments: the client's file, then the files of conversations.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { pathToFileURL } from "node:url";

const [, , clientFile, ...files] = process.argv;
const { Client } = await import(pathToFileURL(clientFile).href);
const settled = () => new Promise((resolve) => setImmediate(resolve));
const shown = (value) => JSON.stringify(value);

/** A line that is as the conversation says it is. */
class FakeSocket {
  constructor(url, protocols) {
    this.protocol = protocols[0];
    this.readyState = 1;
    this.sent = [];
    FakeSocket.newest = this;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code = 1000) {
    this.readyState = 3;
    this.onclose?.({ code, reason: "" });
  }

  lose() {
    this.readyState = 3;
    this.onclose?.({ code: 1006, reason: "" });
  }
}

/** What a program is told, as conversations have it. */
const TOLD = {
  subscribe({ time, offset, values, gap, headline, lines }) {
    const tick = { time, offset, values, gap: gap && { first: gap.from, last: gap.to, why: gap.why } };
    if (headline) {
      tick.lines = lines.map(({ key, value }) => [key, value]);
      tick.headline = { label: headline.label, value: headline.value, unit: headline.unit, level: headline.level };
    }
    return { tick };
  },
  table: ({ time, rows, matches, total }) => ({ rows: { time, rows, matches, total } }),
  events: ({ id, source, time, end, kind, severity, title, attributes }) => ({
    event: { id, source, time, end, kind, severity, title, attributes },
  }),
  query: ({ times, values, step }) => ({ answer: { times, values, step } }),
};

class Replay {
  constructor({ binary }) {
    this.client = new Client("http://127.0.0.1:8000", { WebSocket: FakeSocket, binary, autostart: false, probe: async () => "", knock: async () => true });
    this.asked = new Map();
    this.told = new Map();
    this.ids = new Map();
    this.streams = new Map();
    this.problems = [];
  }

  async line(line, where) {
    if (line.program) this.#ask(line);
    else if (line.line === "open") this.#open();
    else if (line.line === "lost") FakeSocket.newest.lose();
    else if (line.from === "client") this.#sent(JSON.parse(line.text), where);
    else if (line.from === "server") this.receive(line);
    else if (line.expect) this.#expect(line, where);
    await settled();
  }

  receive({ text, binary }) {
    const bytes = binary === undefined ? null : Uint8Array.from(Buffer.from(binary, "base64"));
    FakeSocket.newest.onmessage?.({ data: bytes ? bytes.buffer : this.#withOurNames(text) });
  }

  finish(where) {
    if (FakeSocket.newest.sent.length) this.problems.push(`${where}: also sent ${shown(FakeSocket.newest.sent)}`);
    for (const [name, told] of this.told) if (told.length) this.problems.push(`${where}: also told ${name}: ${shown(told)}`);
    this.client.close();
  }

  #open() {
    if (this.client.link === "new") this.client.start();
    else this.client.hurry();
  }

  #ask({ program, name, fields }) {
    if (program === "close") {
      this.asked.get(name).close();
      return;
    }
    const told = [];
    this.told.set(name, told);
    const refused = ({ code }) => told.push({ refused: code });
    const asked = this.client[program](fields);
    this.asked.set(name, asked);
    if (program === "query") asked.then((answer) => told.push(TOLD.query(answer)), refused);
    else this.#read(asked, TOLD[program], told).catch(refused);
  }

  async #read(stream, toldAs, told) {
    for await (const item of stream) told.push(toldAs(item));
  }

  #sent(noted, where) {
    const command = FakeSocket.newest.sent.shift();
    if (!command) {
      this.problems.push(`${where}: nothing was sent`);
      return;
    }
    this.ids.set(noted.id, command.id);
    if (noted.stream !== undefined) this.streams.set(noted.stream, command.stream);
    delete command.since?.source; // which a client may name
    const asNoted = { ...command, id: noted.id, ...(noted.stream !== undefined && { stream: noted.stream }) };
    if (!isDeepStrictEqual(asNoted, noted)) this.problems.push(`${where}: sent ${shown(command)}, and not ${shown(noted)}`);
  }

  #withOurNames(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return text;
    }
    if (typeof message !== "object" || message === null || message.type === "event") return text;
    if (this.ids.has(message.id)) message.id = this.ids.get(message.id);
    if (this.streams.has(message.stream)) message.stream = this.streams.get(message.stream);
    return JSON.stringify(message);
  }

  #expect({ expect, name }, where) {
    const told = this.told.get(name).shift();
    if (!isDeepStrictEqual(told, expect)) this.problems.push(`${where}: told ${shown(told)}, and not ${shown(expect)}`);
  }
}

/** Lets lines happen, and then one that is nonsense. */
async function replay(name, lines, nonsense, where) {
  const one = new Replay({ binary: name.endsWith(".binary") });
  for (const [at, line] of lines.entries()) await one.line(line, `line ${at + 1}`);
  if (nonsense) {
    one.receive(nonsense);
    await settled();
    FakeSocket.newest.sent = []; // whatever it does about it
  }
  one.finish(where);
  return one.problems;
}

const found = {};
for (const file of files) {
  const name = basename(file, ".jsonl");
  const lines = readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const from = lines.findIndex((line) => line.nonsense);
  const problems = await replay(name, from < 0 ? lines : lines.slice(0, from), null, "the end");
  for (const at of from < 0 ? [] : lines.keys()) {
    if (at > from) problems.push(...(await replay(name, lines.slice(0, from), lines[at], `line ${at + 1}`)));
  }
  if (problems.length) found[name] = problems;
}
console.log(JSON.stringify(found));
process.exit(0);
