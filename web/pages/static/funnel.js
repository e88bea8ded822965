// The funnel of a campaign: who reached each gate, who passed it; a click on a part shows them.
import { h, show } from "./dom.js";
import { ask } from "./api.js";
import { go } from "./app.js";
import { condition } from "./format.js";

const PARTS = [["passed", "passed"], ["rejected", "rejected"], ["unknown", "not known yet"], ["not_applicable", "does not concern them"]];

export async function funnelPage() {
  const campaigns = await ask("campaigns");
  if (!campaigns.length) return show(h("div", { class: "card wait" }, "No campaign has been refreshed yet: exfolio refresh two-dimensional"));
  const asked = new URLSearchParams(location.search).get("campaign");
  const most = campaigns.reduce((a, b) => ((b.candidates.promoted ?? 0) > (a.candidates.promoted ?? 0) ? b : a));
  const name = (campaigns.find((one) => one.name === asked) ?? most).name;
  const funnel = await ask(`campaigns/${name}/funnel`);
  const select = h("select", { "aria-label": "Campaign", style: "width:auto", onchange: () => go(`/funnel?campaign=${encodeURIComponent(select.value)}`, { replace: true }) },
    campaigns.map((one) => h("option", { value: one.name, selected: one.name === name }, one.name)));
  const drawn = funnel.compositions.length && funnel.compositions[0].reached;
  show(
    h("div", { class: "row spread" }, h("div", {}, h("h1", {}, "Funnel"), h("p", { class: "soft" }, "Every candidate meets the gates in this order and ends at the first it fails. A click on a number lists those behind it.")), select),
    h("div", { class: "tiles" }, ["candidates", "promoted", "waiting", "rejected"].map((word) =>
      h("a", { class: "tile", href: word === "candidates" ? `/?campaign=${encodeURIComponent(name)}` : listOf(name, { status: [word] }), "data-link": true }, h("b", {}, funnel[word].toLocaleString("en")), h("span", { class: "soft" }, word)))),
    h("div", { class: "key" }, PARTS.map(([part, text]) => h("span", {}, h("i", { class: part === "not_applicable" ? "na" : part }), text))),
    drawn ? h("section", { class: "card" }, h("h2", {}, "Generated compositions"), steps(funnel.compositions, compositionsWith)) : null,
    h("section", { class: "card" }, h("h2", {}, "Structures"), steps(funnel.gates, candidatesWith(name))),
  );
}

// A part of a bar, and the number beside it, lead to the list of those who are in it.
function steps(rows, listed) {
  const most = Math.max(1, ...rows.map((row) => row.reached));
  return h("div", { class: "funnel" }, rows.map((row) => {
    const addresses = { rejected: listed(`rejected_by = "${row.gate}"`), unknown: listed(`waiting_for = "${row.gate}"`) };
    const parts = PARTS.filter(([part]) => row[part]).map(([part, text]) => {
      const look = { class: part === "not_applicable" ? "na" : part, style: `width:${(100 * row[part]) / most}%`, title: `${row[part].toLocaleString("en")} ${text}` };
      return addresses[part] ? h("a", { ...look, href: addresses[part], "data-link": true, tabindex: -1, "aria-hidden": "true" }) : h("span", look);
    });
    const link = (part, word) => (row[part] ? h("a", { href: addresses[part], "data-link": true, class: part, "aria-label": `${row[part]} ${word} at ${row.gate}` }, `${row[part].toLocaleString("en")} ${word}`) : null);
    return h("div", { class: "step" },
      h("div", {}, h("strong", {}, row.gate), h("div", { class: "small soft" }, condition(row.field, row.condition, row.gate))),
      h("div", { class: "bar" }, parts),
      h("div", { class: "small soft numbers" }, h("span", {}, `${row.reached.toLocaleString("en")} reach`), link("rejected", "fall"), link("unknown", "wait")));
  }));
}

const listOf = (campaign, choices) => `/?campaign=${encodeURIComponent(campaign)}&choices=${encodeURIComponent(JSON.stringify(choices))}`;
const candidatesWith = (campaign) => (filter) => `/?campaign=${encodeURIComponent(campaign)}&filter=${encodeURIComponent(filter)}`;
const compositionsWith = (filter) => `/compositions?filter=${encodeURIComponent(filter)}`;
