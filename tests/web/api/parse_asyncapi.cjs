// Reads an AsyncAPI document from stdin with AsyncAPI's own parser, whose file is the argument; prints what it says.
const { readFileSync } = require("node:fs");

globalThis.self = globalThis; // the parser's bundle is made for pages
globalThis.window = globalThis;
const Parser = require(process.argv[2]);
new Parser().parse(readFileSync(0, "utf8")).then(({ document, diagnostics }) => {
  const said = diagnostics.map(({ code, message, path, severity }) => ({ code, message, path, severity }));
  const operations = document?.operations().all().map((one) => [one.id(), one.action(), one.messages().all().length]);
  console.log(JSON.stringify({ said, operations }));
});
