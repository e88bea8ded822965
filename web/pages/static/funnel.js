// The funnel of a campaign: who reached each gate, who passed it; a click on a part shows them.
import { h, show } from "./dom.js";
import { ask } from "./api.js";
import { go } from "./app.js";
import { words } from "./format.js";

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
    h("div", { class: "row spread" }, h("div", {}, h("h1", {}, "Funnel"), h("p", { class: "soft" }, "Every candidate meets the gates in this order and ends at the first it fails.")), select),
    h("div", { class: "tiles" }, ["candidates", "promoted", "waiting", "rejected"].map((word) =>
      h("a", { class: "tile", href: word === "candidates" ? `/?campaign=${encodeURIComponent(name)}` : listOf(name, { status: [word] }), "data-link": true }, h("b", {}, funnel[word].toLocaleString("en")), h("span", { class: "soft" }, word)))),
    h("div", { class: "key" }, PARTS.map(([part, text]) => h("span", {}, h("i", { class: "bar", style: `background:var(--${{ passed: "good", rejected: "bad", unknown: "wait", not_applicable: "line" }[part]})` }), text))),
    drawn ? h("section", { class: "card" }, h("h2", {}, "Generated compositions"), steps(funnel.compositions, null)) : null,
    h("section", { class: "card" }, h("h2", {}, "Structures"), steps(funnel.gates, name)),
  );
}

function steps(rows, campaign) {
  const most = Math.max(1, ...rows.map((row) => row.reached));
  return h("div", { class: "funnel" }, rows.map((row) => {
    const parts = PARTS.map(([part, text]) => {
      const number = row[part] ?? 0;
      const address = campaign && (part === "rejected" ? `/?campaign=${encodeURIComponent(campaign)}&filter=${encodeURIComponent(`rejected_by = "${row.gate}"`)}` : part === "unknown" ? `/?campaign=${encodeURIComponent(campaign)}&filter=${encodeURIComponent(`waiting_for = "${row.gate}"`)}` : null);
      if (!number) return null;
      const look = { class: part === "not_applicable" ? "na" : part, style: `width:${(100 * number) / most}%`, title: `${number.toLocaleString("en")} ${text}`, "aria-label": `${row.gate}: ${number} ${text}` };
      return h("a", address ? { ...look, href: address, "data-link": true } : look);
    });
    const numbers = [`${row.reached.toLocaleString("en")} reach`, row.rejected ? `${row.rejected.toLocaleString("en")} fall` : "", row.unknown ? `${row.unknown.toLocaleString("en")} wait` : ""].filter(Boolean).join(" · ");
    return h("div", { class: "step" },
      h("div", {}, h("strong", {}, row.gate), h("div", { class: "small soft" }, `${words(row.field)} ${row.condition}`)),
      h("div", { class: "bar" }, parts),
      h("div", { class: "small soft" }, numbers));
  }));
}

const listOf = (campaign, choices) => `/?campaign=${encodeURIComponent(campaign)}&choices=${encodeURIComponent(JSON.stringify(choices))}`;
