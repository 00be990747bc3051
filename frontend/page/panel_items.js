/** What a panel's menu offers. */

/** @param {any} panel a `<vital-panel>` */
export const itemsOf = (panel) => [
  { words: "Full size", key: "F", run: () => panel.full() },
  { words: "As a table", key: "V", run: () => panel.table() },
  { words: "Download image", key: "P", run: () => panel.png() },
  { words: "Download data (CSV)", key: "C", run: () => panel.csv() },
  { words: "Copy link", run: () => panel.link() },
  { words: "Embed", key: "E", run: () => panel.embed() },
];
