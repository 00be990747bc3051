/** `<vital-screens>`: the operators' list of wall screens, where they are let in, named, sent elsewhere and turned out. */

import { agentWords } from "../page/user_agent.js";
import { ServerClock } from "../client/clock.js";
import { formatDuration } from "../charts/model/format.js";
import { Screens } from "../http/screens.js";
import { h, setText } from "../dom/html.js";
import { takeCode } from "../page/given_code.js";

const EVERY_MS = 5000;
/** A second press within this time is meant. */
const SURE_MS = 5000;

export class VitalScreens extends HTMLElement {
  #screens = new Screens();
  #clock = new ServerClock();
  /** @type {Map<string, Row>} */ #rows = new Map();
  /** @type {{id: string, title: string}[]} */ #playlists = [];
  /** @type {import("../http/screens.js").Asking|null} */ #asking = null;
  /** @type {any} */ #timer;

  /** @type {HTMLElement} */ #said;
  /** @type {HTMLElement} */ #list;
  /** @type {HTMLElement} */ #empty;
  /** @type {HTMLInputElement} */ #code;
  /** @type {HTMLElement} */ #request;

  connectedCallback() {
    this.#build();
    this.#begin();
  }

  /** A code that came with the address is looked up, which lets nobody in: that takes a reader who has compared it. */
  async #begin() {
    const { code, problem } = takeCode();
    this.#code.value = code;
    await this.#refresh();
    if (code && this.isConnected) await this.#look();
    else if (problem) this.#say(problem, "problem");
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#rows.clear();
    this.replaceChildren();
  }

  #build() {
    this.#said = h("p", { class: "said", role: "status" });
    this.#list = h("ul", { class: "list" });
    this.#empty = h("p", { class: "empty", hidden: true }, "No screen is paired yet. Open /wall on a screen: it shows a code, at once or when you press P there.");
    this.#code = /** @type {HTMLInputElement} */ (h("input", { id: "code", name: "code", required: true, autocomplete: "off", autocapitalize: "characters", spellcheck: "false", maxlength: 16, placeholder: "ACD-EFG" }));
    const form = h("form", { class: "ask" }, h("label", { for: "code" }, "Code on the screen"), this.#code, h("button", {}, "Look it up"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#look();
    });
    this.#request = h("section", { class: "request", "aria-live": "polite", hidden: true });
    this.replaceChildren(
      h(
        "main",
        {},
        h("h1", {}, "Screens"),
        h("section", {}, h("h2", {}, "Pair a screen"), form, this.#request),
        this.#said,
        h("section", {}, h("h2", {}, "Paired screens"), this.#list, this.#empty),
      ),
    );
  }

  // --- the list ----------------------------------------------------------------------------------------------------

  async #refresh() {
    clearTimeout(this.#timer);
    try {
      this.#show(await this.#screens.list());
      if (this.#said.classList.contains("lost")) this.#say("");
    } catch (error) {
      this.#say(sentence(error.message), "lost");
    }
    if (this.isConnected) this.#timer = setTimeout(() => this.#refresh(), EVERY_MS);
  }

  #show({ time, screens, playlists }) {
    this.#clock.greeted(time);
    this.#playlists = playlists;
    const ids = new Set(screens.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    for (const screen of screens) {
      let row = this.#rows.get(screen.id);
      if (!row) {
        row = new Row(screen.id, (action) => this.#do(action));
        this.#rows.set(screen.id, row);
      }
      row.fill(screen, playlists, time);
      if (this.#list.children[screens.indexOf(screen)] !== row.element) this.#list.insertBefore(row.element, this.#list.children[screens.indexOf(screen)] ?? null);
    }
    this.#empty.hidden = screens.length > 0;
  }

  /** @param {(screens: Screens) => Promise<string>} action resolves to what is said of it */
  async #do(action) {
    try {
      this.#say(await action(this.#screens));
    } catch (error) {
      this.#say(sentence(error.message), "problem");
    }
    await this.#refresh();
  }

  /** @param {string} words @param {""|"problem"|"lost"} [kind] */
  #say(words, kind = "") {
    this.#said.className = `said ${kind === "lost" ? "lost problem" : kind}`;
    setText(this.#said, words);
  }

  // --- letting one in ----------------------------------------------------------------------------------------------

  async #look() {
    this.#request.hidden = true;
    this.#asking = null;
    try {
      this.#asking = await this.#screens.look(this.#code.value.trim());
      this.#say("");
    } catch (error) {
      this.#say(sentence(error.message), "problem");
      return;
    }
    this.#introduce(this.#asking);
  }

  /** @param {import("../http/screens.js").Asking} asking */
  #introduce({ code, address, agent, created, approved }) {
    const name = h("input", { id: "name", maxlength: 60, autocomplete: "off", placeholder: "Hall, third floor" });
    const playlist = h("select", { id: "playlist" }, ...optionsOf(this.#playlists));
    const form = h(
      "form",
      {},
      h("label", { for: "name" }, "Name"),
      name,
      h("label", { for: "playlist" }, "Playlist"),
      playlist,
      h("p", { class: "buttons" }, h("button", { class: "wanted" }, "Approve"), this.#button("Not my screen", () => this.#dismiss())),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const body = { name: valueOf(name), playlist: valueOf(playlist) };
      this.#do(async (screens) => {
        await screens.approve(code, body);
        this.#dismiss();
        return "Approved. The screen starts within seconds.";
      });
    });
    const since = formatDuration(Math.max(0, Math.floor((this.#clock.now() - created) / 1000)));
    this.#request.replaceChildren(
      h("p", {}, h("strong", {}, code), approved ? " is approved already." : " is shown by a screen at ", ...(approved ? [] : [h("strong", {}, address), `, ${agentWords(agent)}, since ${since}. Approve it only if your screen shows this code.`])),
      ...(approved ? [] : [form]),
    );
    this.#request.hidden = false;
    if (!approved) name.focus();
  }

  #dismiss() {
    this.#request.hidden = true;
    this.#code.value = "";
    this.#code.focus();
  }

  #button(words, run) {
    const button = h("button", { type: "button" }, words);
    button.addEventListener("click", run);
    return button;
  }
}

/** One screen of the list; what is being edited is left alone. */
class Row {
  /** @param {string} id @param {(action: (screens: Screens) => Promise<string>) => void} act */
  constructor(id, act) {
    this.#dot = h("i", { class: "dot", "aria-hidden": "true" });
    this.#state = h("span", { class: "state" });
    this.#where = h("span", { class: "where" });
    this.#name = h("input", { id: `name-${id}`, maxlength: 60, autocomplete: "off" });
    this.#playlist = h("select", { id: `playlist-${id}` });
    this.#revoke = h("button", { type: "button", class: "revoke" }, "Revoke");
    this.element = h(
      "li",
      { "data-id": id },
      h("p", { class: "what" }, this.#dot, this.#state, this.#where),
      h("label", { for: `name-${id}` }, "Name"),
      this.#name,
      h("label", { for: `playlist-${id}` }, "Shows"),
      this.#playlist,
      this.#revoke,
    );
    this.#name.addEventListener("change", () => {
      const name = valueOf(this.#name).trim();
      if (name) act(async (screens) => `Renamed to ${(await screens.change(id, { name })).name}.`);
    });
    this.#playlist.addEventListener("change", () => {
      const playlist = valueOf(this.#playlist);
      act(async (screens) => `${(await screens.change(id, { playlist })).name} is sent to ${playlist || "the playlist in its address"}; it turns there within seconds.`);
    });
    this.#revoke.addEventListener("click", () => this.#press(() => act(async (screens) => {
      await screens.revoke(id);
      return `${valueOf(this.#name)} is logged out.`;
    })));
  }

  #dot;
  #state;
  #where;
  #name;
  #playlist;
  #revoke;
  #sureUntil = 0;

  /** @param {import("../http/screens.js").Screen} screen @param {{id: string, title: string}[]} playlists @param {number} now the server's */
  fill({ id, name, playlist, address, agent, seen, online }, playlists, now) {
    this.element.classList.toggle("online", online);
    setText(this.#state, online ? "Online" : `Last seen ${formatDuration(Math.max(1, Math.floor((now - seen) / 1000)))} ago`);
    setText(this.#where, `${address}, ${agentWords(agent)}, ${id}`);
    this.#where.title = agent;
    if (document.activeElement !== this.#name) /** @type {HTMLInputElement} */ (this.#name).value = name;
    if (document.activeElement === this.#playlist) return;
    const known = playlists.some((one) => one.id === playlist) || !playlist;
    this.#playlist.replaceChildren(...optionsOf(known ? playlists : [...playlists, { id: playlist, title: `${playlist}, which there is not` }]));
    /** @type {HTMLSelectElement} */ (this.#playlist).value = playlist;
  }

  /** Once to be asked, once more to be sure. */
  #press(run) {
    if (performance.now() < this.#sureUntil) {
      this.#sureUntil = 0;
      run();
      return;
    }
    this.#sureUntil = performance.now() + SURE_MS;
    setText(this.#revoke, "Press again to revoke");
    this.#revoke.classList.add("sure");
    setTimeout(() => {
      setText(this.#revoke, "Revoke");
      this.#revoke.classList.remove("sure");
    }, SURE_MS);
  }
}

const valueOf = (field) => /** @type {HTMLInputElement} */ (field).value;

const optionsOf = (playlists) => [h("option", { value: "" }, "The playlist in its address"), ...playlists.map(({ id, title }) => h("option", { value: id }, title === id ? id : `${title} (${id})`))];

const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;
