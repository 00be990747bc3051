/** What a browser says of itself, as people would say it. */

/** The first that fits: most browsers name others too. */
const BROWSERS = Object.freeze([["Edg", "Edge"], ["OPR", "Opera"], ["SamsungBrowser", "Samsung Internet"], ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Safari", "Safari"]]);
const SYSTEMS = Object.freeze([["Tizen", "a Samsung TV"], ["Web0S", "an LG TV"], ["CrOS", "ChromeOS"], ["Android", "Android"], ["iPad", "an iPad"], ["iPhone", "an iPhone"], ["Windows", "Windows"], ["Mac OS X", "a Mac"], ["Linux", "Linux"]]);

/** @param {string} agent the User-Agent header */
export function agentWords(agent) {
  const found = (names) => names.find(([sign]) => agent.includes(sign))?.[1];
  const words = [found(BROWSERS), found(SYSTEMS)].filter(Boolean);
  return words.length ? words.join(" on ") : agent.slice(0, 40) || "an unknown browser";
}
