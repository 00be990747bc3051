/** What other sites can show of a server as it is set up, and what it takes for the rest. */

/**
 * @typedef {import("./snippets.js").Snippet} Snippet
 * @typedef {{required: boolean, frame_ancestors?: string[], allowed_origins?: string[], png?: boolean}} Access as /api/v1/access says
 * @typedef {{name: string, words: string, text: string}} Need what is not shown yet, and the lines that change that
 */

const NAMED_MAX = 3;

/**
 * A server that everybody may read still keeps pages of other sites from it: browsers would lend them its readers' eyes.
 *
 * @param {Snippet[]} snippets @param {Access} access @param {{panel: string, site: string}} example
 * @returns {{works: Snippet[], needs: Need[]}}
 */
export function offerOf(snippets, access, example) {
  const drawn = (kind) => kind !== "png" || access.png !== false;
  // A token names its sites itself.
  if (access.required) return { works: snippets.filter(({ kind }) => drawn(kind)), needs: needsOf(snippets, drawn, example) };
  const { frame_ancestors: frames = [], allowed_origins: origins = [] } = access;
  const where = {
    frame: frames.length ? `On pages of ${listOf(frames)}.` : "",
    script: origins.length ? `On pages of ${listOf(origins)}.` : "",
    image: "",
    file: "Where a program fetches it, as forges, chats and mail do. Pages of other sites need a token for images.",
    png: access.png === false ? "" : "Where a program fetches it.",
    program: "From any program that reaches the server.",
  };
  const works = snippets.filter(({ kind }) => where[kind]).map((one) => ({ ...one, words: `${one.words} ${where[one.kind]}` }));
  return { works, needs: needsOf(snippets, (kind) => where[kind] !== "", example) };
}

/** @param {Snippet[]} snippets @param {(kind: string) => boolean} shown */
function needsOf(snippets, shown, example) {
  const kinds = new Set(snippets.map(({ kind }) => kind));
  return NEEDS.filter(({ kind }) => kinds.has(kind) && !shown(kind)).map(({ name, words, text }) => ({ name, words, text: text(example) }));
}

const RESTART = "Name the sites in config.toml and restart Vitalcast:";
/** @type {readonly {kind: import("./snippets.js").Kind, name: string, words: string, text: (example: {panel: string, site: string}) => string}[]} */
const NEEDS = Object.freeze([
  { kind: "frame", name: "Frames", words: RESTART, text: ({ site }) => `[server]\nframe_ancestors = ["${site}"]` },
  { kind: "script", name: "Elements and numbers", words: RESTART, text: ({ site }) => `[server]\nallowed_origins = ["${site}"]` },
  { kind: "png", name: "Images as PNG", words: "Install what draws them where Vitalcast runs, and restart it:", text: () => "pip install 'vitalcast[png]'" },
  {
    kind: "image",
    name: "Images in web pages",
    words: "Create a token for them. From the next start, everybody needs a token:",
    text: ({ panel, site }) => `vitalcast token create --scope embed${panel ? ` --panel ${panel}` : ""} --origin ${site}`,
  },
]);

/** @param {string[]} sites */
function listOf(sites) {
  const more = sites.length - NAMED_MAX;
  return sites.slice(0, NAMED_MAX).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
