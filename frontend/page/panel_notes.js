/** What a panel says over its chart: what is in the way of a picture, and by which steps it is drawn. */

import { h, setHidden, setText, setTitle } from "../dom/html.js";
import { obstacleOf, stepWordsOf, twiceWords } from "./panel_words.js";

export class PanelNotes {
  constructor() {
    this.step = h("span", { class: "step", hidden: true });
    this.twice = h("p", { class: "twice", hidden: true });
    this.problem = h("p", { class: "problem", role: "status", hidden: true });
  }

  /**
   * @param {{refusal: any, failure: string, live: any, store: any, past: import("./panel_past.js").PanelPast, from: number,
   *          to: number, timeless: boolean}} now as for `obstacleOf`; timeless: its chart has no axis of time
   */
  write({ timeless, ...now }) {
    const { words, soft } = obstacleOf(now);
    setHidden(this.problem, !words);
    this.problem.classList.toggle("soft", soft);
    setText(this.problem, words);
    const twice = words === "" && !timeless ? twiceWords(now.past) : "";
    setHidden(this.twice, !twice);
    setText(this.twice, twice);
    setTitle(this.twice, twice);
    const { said, title } = stepWordsOf(now.past, now.from);
    setHidden(this.step, !said || timeless || words !== "");
    setText(this.step, said);
    setTitle(this.step, title);
  }
}
