// How the registry stands: what it holds, when it was refreshed, what is due.
import { h, show } from "./dom.js";
import { ask } from "./api.js";
import { day, plural, words } from "./format.js";

const MOODS = { succeeded: "passed", complete: "passed", done: "passed", failed: "failed", died: "failed", partial: "waiting", skipped: "waiting" };
const LISTS = { materials: "/materials", compositions: "/compositions", candidates: "/" };
const mood = (state) => (state ? h("span", { class: `tag ${MOODS[state] ?? ""}` }, state) : null);

export async function statusPage() {
  const state = await ask("status");
  const refreshed = state.refreshed ?? {};
  const rows = (heads, lines, numbers = 1) => h("div", { class: "table" }, h("table", {}, h("thead", {}, h("tr", {}, heads.map((name, i) => h("th", { scope: "col", class: i && numbers ? "number" : null }, name)))), h("tbody", {}, lines.map((line) => h("tr", {}, line.map((value, i) => h("td", { class: i && numbers ? "number" : null }, value)))))));
  const due = state.due.length ? h("ul", {}, state.due.map((one) => h("li", {}, `${one.stage}: ${one.items ?? "some"}`))) : h("p", {}, "Nothing: all that follows from the sources has been made.");
  show(
    h("h1", {}, "Status"),
    h("p", { class: "soft", style: "margin-bottom:1.1rem" }, refreshed.started_at ? `Last refresh ${day(refreshed.ended_at ?? refreshed.started_at)}, ${refreshed.state ?? ""}.` : "Never refreshed."),
    h("div", { class: "tiles" }, state.collections.filter((row) => row.documents).map((row) => h(LISTS[row.collection] ? "a" : "div", { class: "tile", href: LISTS[row.collection], "data-link": Boolean(LISTS[row.collection]) }, h("b", {}, row.documents.toLocaleString("en")), h("span", { class: "soft" }, words(row.collection))))),
    h("section", { class: "card" }, h("h2", {}, "Campaigns"), rows(["campaign", "promoted", "waiting", "rejected"], state.candidates.map((row) => [h("a", { href: `/funnel?campaign=${encodeURIComponent(row.campaign)}`, "data-link": true }, row.campaign), ...["promoted", "waiting", "rejected"].map((word) => (row[word] ?? 0).toLocaleString("en"))]))),
    h("section", { class: "card" }, h("h2", {}, "Due"), due),
    h("section", { class: "card" }, h("h2", {}, "Schedule"), state.schedule.length
      ? rows(["job", "when", "last", "next", "state"], state.schedule.map((job) => [job.job, h("code", {}, job.cron ?? ""), job.ended_at ? day(job.ended_at) : "", job.next_due_at ? day(job.next_due_at) : "", [mood(job.state), job.failures ? h("span", { class: "tag failed" }, plural(job.failures, "failure", "failures")) : null]]), 0)
      : h("p", {}, "Nothing is scheduled: ", h("code", {}, "exfolio schedule"), " keeps the registry up to date by itself.")),
    state.runs.length ? h("section", { class: "card" }, h("h2", {}, "Last runs"), rows(["job", "state", "began", "took"], state.runs.map((run) => [run.job, mood(run.state), day(run.started_at), run.ended_at ? took(run) : ""]), 0)) : null,
    state.wrong ? h("section", { class: "card" }, h("h2", {}, "Wants attention"), h("p", {}, `${plural(state.wrong, "thing", "things")}: exfolio status --all names them.`)) : null,
  );
}

function took(run) {
  const seconds = (new Date(run.ended_at) - new Date(run.started_at)) / 1000;
  return seconds < 1 ? "under 1 s" : seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
