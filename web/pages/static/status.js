// How the registry stands: what it holds, when it was refreshed, what is due.
import { h, show } from "./dom.js";
import { ask } from "./api.js";
import { day, words } from "./format.js";

export async function statusPage() {
  const state = await ask("status");
  const refreshed = state.refreshed ?? {};
  const rows = (heads, lines) => h("div", { class: "table" }, h("table", {}, h("thead", {}, h("tr", {}, heads.map((name, i) => h("th", { scope: "col", class: i ? "number" : null }, name)))), h("tbody", {}, lines.map((line) => h("tr", {}, line.map((value, i) => h("td", { class: i ? "number" : null }, value)))))));
  const due = state.due.length ? h("ul", {}, state.due.map((one) => h("li", {}, `${one.stage}: ${one.items ?? "some"}`))) : h("p", {}, "Nothing: all that follows from the sources has been made.");
  show(
    h("h1", {}, "Status"),
    h("p", { class: "soft" }, refreshed.started_at ? `Last refresh ${day(refreshed.ended_at ?? refreshed.started_at)}, ${refreshed.state ?? ""}.` : "Never refreshed."),
    h("div", { class: "tiles" }, state.collections.filter((row) => row.documents).map((row) => h("div", { class: "tile" }, h("b", {}, row.documents.toLocaleString("en")), h("span", { class: "soft" }, words(row.collection))))),
    h("section", { class: "card" }, h("h2", {}, "Campaigns"), rows(["campaign", "promoted", "waiting", "rejected"], state.candidates.map((row) => [h("a", { href: `/funnel?campaign=${encodeURIComponent(row.campaign)}`, "data-link": true }, row.campaign), ...["promoted", "waiting", "rejected"].map((word) => (row[word] ?? 0).toLocaleString("en"))]))),
    h("section", { class: "card" }, h("h2", {}, "Due"), due),
    state.wrong ? h("section", { class: "card" }, h("h2", {}, "Wants attention"), h("p", {}, `${state.wrong} things: exfolio status --all names them.`)) : null,
  );
}
