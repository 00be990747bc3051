/** `<vital-processes>`: who uses the machine, now or then, as a table to sort, to filter, to group and to hold still. */

import { formatAge } from "../charts/model/format.js";
import { exactly } from "../charts/model/table_filter.js";
import { everyBeat, forgetFrame, nextFrame } from "../dom/animation_frames.js";
import { h, setText } from "../dom/html.js";
import { Rows } from "../page/live_rows.js";
import { ProcessModel, USUAL } from "../page/process_model.js";
import { isProcess, processOf, tableOf } from "../page/process_rows.js";
import { clicked, isYounger } from "../page/process_table.js";
import { focusRow, rowAfter, turnsBranch } from "../page/row_keys.js";

const TYPING_MS = 150;
const FILTER_MAX = 100;
const UNKNOWN_TABLE = 102;
/** Where more rows than these change places at once, sliding is unrest, and costs as much as some charts. */
const FEW = 12;
const MEMORY = { metrics: ["system.memory.limit"], interval: 60 };
const GROUP_WORDS = Object.freeze({ "": "one by one", program: "by program", unit: "by unit or container", tree: "as a tree" });

/** Set `client`, `stream` and `view` before it is connected. The view's `sort`, `filter`, `group` and `at` are shown and set. */
export class VitalProcesses extends HTMLElement {
  /** @type {import("../client/client.js").Client} */ client;
  /** @type {import("../client/table_stream.js").TableStream} */ stream;
  /** @type {import("../page/view.js").View} */ view;

  /** @type {ProcessModel} */ #model;
  /** @type {import("../client/series_stream.js").SeriesStream} */ #memory;
  /** @type {import("../page/process_rows.js").Told} */ #told;
  /** What is drawn, by key. @type {Map<any, import("../page/process_rows.js").Drawn>} */ #drawn = new Map();
  /** The key of the process that is opened. @type {any} */ #opened = null;
  /** Its newest values. @type {any[]|null} */ #openedRow = null;
  #pointed = false;
  #visible = true;
  /** @type {any} */ #typing;
  /** @type {() => void} */ #stopBeat = () => {};
  /** @type {IntersectionObserver} */ #watch;
  /** @type {Rows} */ #rows;
  /** @type {HTMLInputElement} */ #filter;
  /** @type {HTMLSelectElement} */ #group;
  /** @type {Record<"count"|"of"|"now"|"note"|"age"|"said"|"empty"|"problem"|"again", HTMLElement>} */ #parts;

  connectedCallback() {
    this.#build();
    this.#model = new ProcessModel({ client: this.client, stream: this.stream, view: this.view, changed: this.#changed });
    this.#memory = this.client.subscribe(MEMORY, { name: "@processes-memory", windowS: 120 });
    this.#memory.addEventListener("change", this.#changed);
    this.view.addEventListener("change", this.#viewed);
    for (const [type, listener] of this.#listeners) this.addEventListener(type, listener);
    this.#filter.addEventListener("input", this.#typed);
    this.#group.addEventListener("change", this.#regrouped);
    this.#rows.body.addEventListener("pointerenter", this.#entered);
    this.#rows.body.addEventListener("pointerleave", this.#left);
    this.#watch = new IntersectionObserver(this.#scrolled, { rootMargin: "50%" });
    this.#watch.observe(this);
    this.#stopBeat = everyBeat(() => this.#beat());
    this.#model.ask(this.#visible);
    this.#changed();
  }

  disconnectedCallback() {
    this.#stopBeat();
    this.#watch.disconnect();
    clearTimeout(this.#typing);
    for (const [type, listener] of this.#listeners) this.removeEventListener(type, listener);
    this.view.removeEventListener("change", this.#viewed);
    this.#memory.removeEventListener("change", this.#changed);
    this.#memory.close();
    this.#model.stop();
    forgetFrame(this.#draw);
    this.#pointed = false;
    this.#opened = null;
    this.#drawn.clear();
    this.replaceChildren();
  }

  /** Puts the cursor into the filter. */
  focusFilter() {
    this.#filter.focus();
    this.#filter.select();
  }

  #build() {
    const typed = { maxlength: FILTER_MAX, autocomplete: "off", autocapitalize: "off", spellcheck: "false" };
    this.#filter = /** @type {HTMLInputElement} */ (h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter processes by name, user, unit or PID", ...typed }));
    this.#filter.value = this.view.filter;
    this.#group = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Show processes" }, ...Object.entries(GROUP_WORDS).map(([value, words]) => h("option", { value }, words))));
    this.#group.value = this.view.group;
    this.#rows = new Rows("Processes");
    this.#parts = {
      count: h("span", { class: "count" }),
      of: h("span", { class: "of", role: "status" }),
      now: h("button", { type: "button", class: "now", hidden: true }, "Back to now"),
      note: h("span", { class: "note" }),
      age: h("span", { class: "age", hidden: true }),
      // What the filter found is announced once for each filter, not whenever a process comes or goes.
      said: h("p", { class: "unseen", role: "status" }),
      empty: h("p", { class: "empty" }),
      problem: h("p", { class: "problem", role: "status" }),
      again: h("button", { type: "button", class: "again", hidden: true }),
    };
    const { count, of, now, note, age, said, empty, problem, again } = this.#parts;
    this.setAttribute("role", "region");
    this.setAttribute("aria-labelledby", "processes-title");
    this.replaceChildren(
      h("header", {}, h("h2", { id: "processes-title" }, "Processes"), count, note, age, h("span", { class: "tools" }, this.#group, this.#filter), h("span", { class: "when" }, of, now)),
      h("div", { class: "scroll" }, this.#rows.element),
      empty,
      problem,
      again,
      said,
    );
  }

  #viewed = ({ detail: changed }) => {
    const { filter, group } = this.view;
    if (changed.has("filter") && this.#filter.value.trim() !== filter) this.#filter.value = filter;
    if (changed.has("group")) this.#group.value = group;
    if (!this.#model.turned(changed)) return;
    this.#model.ask(this.#visible);
    this.#changed();
  };

  #typed = () => {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.view.set({ filter: this.#filter.value.trim() }), TYPING_MS);
  };

  #regrouped = () => this.view.set({ group: this.#group.value });

  // --- what is done with it --------------------------------------------------------------------------------------

  /** @type {[string, (event: any) => void][]} */
  #listeners = [
    ["click", (event) => this.#clicked(event)],
    ["keydown", (event) => this.#pressed(event)],
    ["focusin", () => this.#changed()],
    ["focusout", () => this.#changed()],
    ["leave", () => this.#open(null)],
    ["process", (event) => this.#find(event.detail)],
  ];

  #clicked({ target }) {
    const button = target.closest("button");
    if (button === this.#parts.again) {
      this.view.set({ sort: this.stream.refusal ? USUAL : this.view.sort, filter: "" });
      this.#filter.value = "";
      this.#filter.focus();
    } else if (button === this.#parts.now) {
      if (this.view.at !== null) this.view.set({ at: null });
      else this.view.live();
    } else if (button?.dataset.column) {
      this.view.set({ sort: clicked(this.view.sort, button.dataset.column) });
    } else {
      const row = target.closest("tbody tr:not(.detail)");
      if (row && !getSelection()?.toString()) this.#turn(this.#keyOf(row), button !== null);
    }
  }

  #keyOf(row) {
    return [...this.#drawn.keys()].find((key) => String(key) === row.dataset.pid);
  }

  /** Opens or closes what a row has: the rest of its group, what is left out, or what is known of its process. */
  #turn(key, twisted = false) {
    const row = this.#drawn.get(key);
    if (!row) return;
    if (!twisted && isProcess(row)) {
      this.#open(this.#opened === key ? null : key);
      return;
    }
    this.#model.toggle(key, row.fold);
    if (row.fold) this.#model.ask(this.#visible);
    this.#changed();
  }

  /** Shows what is known of a process below its row. */
  #open(key) {
    const row = key === null ? undefined : this.#drawn.get(key);
    this.#opened = row ? key : null;
    this.#openedRow = row?.source ?? null;
    const process = row && processOf(this.#told, row, this.client.clock.now());
    this.#rows.detail(key, process ? Object.assign(h("vital-process"), { client: this.client, view: this.view, process }) : null);
  }

  /** Looks for a process, and opens it where it is there. @param {number} pid */
  #find(pid) {
    const there = [...this.#drawn].find(([, row]) => isProcess(row) && row.source?.[0] === pid);
    if (!there) {
      this.view.set({ filter: exactly(String(pid)) });
      return;
    }
    this.#open(there[0]);
    this.querySelector(`tr[data-pid="${there[0]}"]`)?.scrollIntoView({ block: "nearest" });
  }

  #pressed(event) {
    const { target, key } = event;
    const { body } = this.#rows;
    if (target === this.#filter) {
      if (key === "ArrowDown") this.#go(body.firstElementChild, event);
      if (key === "Escape") {
        event.stopPropagation();
        if (!this.#filter.value) this.#filter.blur(); // else it empties the filter, and no more
      }
      return;
    }
    const row = target.closest("tbody tr");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape") {
      event.stopPropagation();
      if (this.#opened === null) row.blur();
      else this.#leave(row);
    }
    if (target !== row) return;
    const open = this.#drawn.get(this.#keyOf(row))?.open ?? false;
    const branch = row.matches(".whole") && turnsBranch(key, open);
    if (key === "Enter" || branch) {
      event.preventDefault();
      event.stopPropagation();
      this.#turn(this.#keyOf(row), branch);
    } else this.#go(rowAfter(body, row, key), event);
  }

  /** Closes what is opened; the focus goes to its row. */
  #leave(row) {
    const own = row.matches(".detail") ? row.previousElementSibling : row;
    this.#open(null);
    focusRow(this.#rows.body, own);
  }

  #go(row, event) {
    if (!row) return;
    event.preventDefault();
    focusRow(this.#rows.body, row);
  }

  // --- holding still ---------------------------------------------------------------------------------------------

  /** Rows do not run away from who points at one or has come to one by keyboard. */
  get #holding() {
    return this.#pointed || this.#rows.body.contains(document.activeElement);
  }

  #entered = (event) => {
    // A finger leaves nothing behind that a row could run away from; a tap focuses its row.
    this.#pointed = event.pointerType !== "touch";
    this.#changed();
  };

  #left = () => {
    this.#pointed = false;
    this.#changed();
  };

  // --- drawing ---------------------------------------------------------------------------------------------------

  #scrolled = (entries) => {
    this.#visible = entries.at(-1).isIntersecting;
    this.#model.ask(this.#visible);
    if (this.#visible) this.#changed();
  };

  #changed = () => {
    if (this.#visible) nextFrame(this.#draw);
  };

  #beat() {
    if (!this.#visible) return;
    const stale = this.stream.stale && this.#model.live;
    if (this.#parts.age.hidden === stale) {
      this.#parts.age.hidden = !stale;
      this.classList.toggle("stale", stale);
    }
    if (stale) setText(this.#parts.age, formatAge(this.stream.ageS));
  }

  #draw = () => {
    this.hidden = this.stream.refusal?.code === UNKNOWN_TABLE;
    const told = this.#model.told({ holding: this.#holding, drawn: [...this.#drawn.keys()] });
    this.#told = told;
    const { columns, rows } = told.columns.length ? tableOf(told) : { columns: [], rows: [] };
    if (columns.length && columns.join() !== this.#rows.columns.join()) {
      this.#open(null);
      this.#rows.build(columns, this.view.sort);
      this.#drawn.clear();
    }
    this.#rows.mark(this.view.sort);
    this.#rows.element.classList.toggle("tree", told.group === "tree");
    this.#rows.slides = this.#drawn.size === 0 || this.#holding ? 0 : FEW;
    this.#drawn = new Map(rows.map((row) => [row.key, row]));
    const memory = this.#memoryBytes();
    this.#rows.draw(rows, { cpu: 1, memory, memory_peak: memory });
    this.#follow();
    this.#say(this.#model.words(told));
  };

  /** What is opened closes with its process, also where another has taken over its pid. */
  #follow() {
    if (this.#opened === null) return;
    const values = this.#drawn.get(this.#opened)?.source;
    if (!values || (this.#openedRow && isYounger(values, this.#openedRow, this.#told.columns.indexOf("age")))) this.#open(null);
    else this.#openedRow = values;
  }

  /** What there is of it; a machine may not say. */
  #memoryBytes() {
    const { ring } = this.#memory.store;
    return ring.width && ring.length ? ring.value(0, ring.length - 1) : NaN;
  }

  /** @param {import("../page/process_model.js").Words} words */
  #say({ count, of, note, problem, empty, again, waiting, found }) {
    const { said, ...parts } = this.#parts;
    const past = this.#model.subject.kind !== "live";
    if (count !== null) setText(parts.count, count);
    parts.count.classList.toggle("waiting", waiting);
    for (const [part, text] of Object.entries({ of, note, problem, empty, again })) setText(parts[part], text);
    parts.again.hidden = !again;
    parts.now.hidden = !past;
    this.classList.toggle("refused", problem !== "");
    this.classList.toggle("waiting", past && waiting);
    if (found === null || said.dataset.filter === this.view.filter) return;
    said.dataset.filter = this.view.filter;
    setText(said, found);
  }
}
