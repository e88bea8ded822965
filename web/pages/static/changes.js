// What has changed since a moment: new, changed and withdrawn candidates.
import { fault, h, show } from "./dom.js";
import { ask, idPath } from "./api.js";
import { formula, tag } from "./format.js";
import { go } from "./app.js";

const WEEK = 7 * 86_400_000;

const MOST = 500;
const AT_FIRST = 100;

export async function changesPage() {
  const given = new URLSearchParams(location.search);
  const since = given.get("since") ?? new Date(Date.now() - WEEK).toISOString().slice(0, 10);
  const input = h("input", { type: "text", value: since, "aria-label": "Since, a date or the id of a run", style: "width:16rem" });
  const form = h("form", { class: "row", onsubmit: (event) => { event.preventDefault(); go(`/changes?since=${encodeURIComponent(input.value.trim())}`, { replace: true }); } }, h("label", { class: "row" }, "Since", input), h("button", { class: "button strong" }, "Show"));
  const head = h("div", { class: "row spread" }, h("div", {}, h("h1", {}, "Changes"), h("p", { class: "soft" }, "Candidates that are new, have another verdict, or are gone; the latest first, at most 500.")), form);
  let rows;
  try {
    rows = await ask("collections/candidates/changes", { since, limit: MOST });
  } catch (error) {
    return show(head, fault(error));
  }
  if (!rows.length) return show(head, h("div", { class: "card wait" }, "Nothing has changed since then."));
  const kinds = Object.entries(Object.groupBy(rows, (row) => row.change)).map(([kind, some]) => h("div", { class: "tile" }, h("b", {}, some.length.toLocaleString("en"), rows.length === MOST ? "+" : ""), h("span", { class: "soft" }, kind)));
  const lines = h("tbody", {}, rows.slice(0, AT_FIRST).map(line));
  const more = h("button", { type: "button", class: "button", style: "margin-top:.8rem", onclick: () => { lines.append(...rows.slice(AT_FIRST).map(line)); more.remove(); } }, `Show ${rows.length - AT_FIRST} more`);
  show(head, h("div", { class: "tiles" }, kinds), h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, ["formula", "change", "before", "now", "because of", "candidate"].map((name) => h("th", { scope: "col" }, name)))), lines)), rows.length > AT_FIRST ? more : null);
}

function line(row) {
  return h("tr", {},
      h("td", {}, h("a", { href: `/d/${idPath(row.id)}`, "data-link": true }, formula(row.formula_shown ?? row.formula_reduced))), h("td", {}, row.change),
      h("td", {}, row.before ? tag(row.before) : h("span", { class: "soft" }, "–")), h("td", {}, row.after ? tag(row.after) : h("span", { class: "soft" }, "–")),
      h("td", { class: "wrap" }, row.reason ?? ""), h("td", { class: "small soft mono" }, row.id));
}
