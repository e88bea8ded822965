// Candidates as points: two properties, coloured by verdict; a click opens one.
import { h, show, svg } from "./dom.js";
import { ask, idPath } from "./api.js";
import { go } from "./app.js";
import { at, fieldName, fixed, number, plural } from "./format.js";

// As wide as the page, so that letters have their size on a phone, too.
const sizes = () => ({ width: Math.max(300, Math.min(1440, document.getElementById("main").clientWidth - 60)), height: innerWidth < 600 ? 420 : 640, left: 72, right: 20, top: 16, bottom: 56 });
const COLOURS = { promoted: "var(--good)", waiting: "var(--wait)", rejected: "var(--bad)" };
const MOST = 3000;
let drawAgain = null;

export async function mapPage() {
  const { fields } = await ask("collections/candidates/fields");
  const campaigns = await ask("campaigns");
  const given = new URLSearchParams(location.search);
  const most = campaigns.length ? campaigns.reduce((a, b) => ((b.candidates.promoted ?? 0) > (a.candidates.promoted ?? 0) ? b : a)).name : "";
  const campaign = given.get("campaign") ?? most;
  const axes = { x: given.get("x") ?? "energy_above_hull", y: given.get("y") ?? "exfoliation_energy" };
  const numbers = fields.filter((field) => ["number", "integer"].includes(field.kind) && !field.many);
  const byPath = Object.fromEntries(numbers.map((field) => [field.path, field]));
  const choose = (axis) => {
    const select = h("select", { "aria-label": `${axis} axis`, style: "width:auto", onchange: () => again({ [axis]: select.value }) }, numbers.map((field) => h("option", { value: field.path, selected: field.path === axes[axis] }, fieldName(field.path))));
    return select;
  };
  const which = h("select", { "aria-label": "Campaign", style: "width:auto", onchange: () => again({ campaign: which.value }) }, campaigns.map((one) => h("option", { selected: one.name === campaign }, one.name)));
  const again = (change) => go(`/map?${new URLSearchParams({ campaign, ...axes, ...change })}`, { replace: true });
  const place = h("div", { class: "card map" }, h("div", { class: "wait" }, "…"));
  show(h("div", { class: "row spread" }, h("div", {}, h("h1", {}, "Map of candidates"), h("p", { class: "soft" }, "Bars show intervals, hollow points values of which one end alone is known. What has no value on an axis is not drawn.")), h("div", { class: "row" }, which, choose("y"), h("span", { class: "soft" }, "over"), choose("x"))), place);

  const documents = [];
  let after;
  do {
    const paths = ["candidate_id", "formula_reduced", "status", axes.x, axes.y].join(",");
    const answer = await ask("collections/candidates", { filter: `campaign = "${campaign}" AND ${axes.x} IS KNOWN AND ${axes.y} IS KNOWN`, fields: paths, limit: 500, after, count: false });
    documents.push(...answer.data);
    after = answer.next;
  } while (after && documents.length < MOST);
  const gates = campaigns.find((one) => one.name === campaign)?.gates ?? [];
  const draw = () => place.replaceChildren(documents.length ? plot(documents, byPath[axes.x], byPath[axes.y], gates) : h("div", { class: "wait" }, "No candidate has both values."));
  draw();
  drawAgain?.abort();
  drawAgain = new AbortController();
  let width = innerWidth;  // a phone that is turned; its bars that come and go change the height alone
  window.addEventListener("resize", () => {
    if (innerWidth === width || !place.isConnected) return;
    width = innerWidth;
    draw();
  }, { signal: drawAgain.signal });
}

// Where a campaign draws the line on an axis: the numbers in the conditions of its gates.
const thresholds = (gates, field) => gates.filter((gate) => gate.field.replace("values.", "") === field.path).flatMap((gate) => String(gate.condition).match(/-?[0-9.]+/g)?.map(Number) ?? []);

function plot(documents, x, y, gates) {
  const size = sizes();
  const inner = { width: size.width - size.left - size.right, height: size.height - size.top - size.bottom };
  const scale = (field, length, flipped) => {
    // Bounds may lie far from any value, and say nothing of where it is: they set the span where there is nothing else.
    const values = [documents.filter((doc) => !isBound(doc, field)), documents].find((some) => some.length).map((doc) => at(doc, field.path)).sort((a, b) => a - b);
    const cut = (share) => values[Math.round(share * (values.length - 1))];
    let [least, most] = [cut(0.01), cut(0.99)];
    if (least === most) [least, most] = [least - 0.5, most + 0.5];
    const margin = 0.06 * (most - least);
    [least, most] = [least - margin, most + margin];
    const to = (value) => (Math.min(Math.max(value, least), most) - least) / (most - least) * length;
    const { step, marks } = ticks(least, most);
    const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return { to: flipped ? (value) => length - to(value) : to, ticks: marks, said: (value) => fixed(value, decimals), holds: (value) => value >= least && value <= most };
  };
  const across = scale(x, inner.width, false);
  const up = scale(y, inner.height, true);
  const picture = svg("svg", { viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": `${fieldName(y.path)} over ${fieldName(x.path)} of ${documents.length} candidates` });
  const area = svg("g", { transform: `translate(${size.left} ${size.top})` });
  for (const tick of across.ticks) area.append(svg("line", { x1: across.to(tick), x2: across.to(tick), y1: 0, y2: inner.height, stroke: "var(--line)" }), svg("text", { x: across.to(tick), y: inner.height + 18, "text-anchor": "middle" }, across.said(tick)));
  for (const tick of up.ticks) area.append(svg("line", { x1: 0, x2: inner.width, y1: up.to(tick), y2: up.to(tick), stroke: "var(--line)" }), svg("text", { x: -8, y: up.to(tick) + 4, "text-anchor": "end" }, up.said(tick)));
  area.append(svg("text", { x: inner.width / 2, y: inner.height + 42, "text-anchor": "middle" }, label(x)), svg("text", { transform: `translate(-52 ${inner.height / 2}) rotate(-90)`, "text-anchor": "middle" }, label(y)));
  const line = { stroke: "var(--ink)", "stroke-width": 1.3, "stroke-dasharray": "5 4", "stroke-opacity": 0.6 };
  const drawn = { x: thresholds(gates, x).filter(across.holds), y: thresholds(gates, y).filter(up.holds) };
  area.append(
    ...drawn.x.map((value) => svg("line", { ...line, x1: across.to(value), x2: across.to(value), y1: 0, y2: inner.height })),
    ...drawn.y.map((value) => svg("line", { ...line, x1: 0, x2: inner.width, y1: up.to(value), y2: up.to(value) })),
  );
  for (const status of ["rejected", "waiting", "promoted"]) {
    for (const doc of documents.filter((one) => one.status === status)) {
      const [a, b] = [across.to(at(doc, x.path)), up.to(at(doc, y.path))];
      const bounded = [x, y].some((field) => isBound(doc, field));
      const [low, high] = [y.low && at(doc, y.low), y.high && at(doc, y.high)];
      if (status === "promoted" && typeof low === "number" && typeof high === "number") area.append(svg("line", { x1: a, x2: a, y1: up.to(low), y2: up.to(high), stroke: COLOURS[status], "stroke-opacity": 0.35 }));
      const look = bounded ? { class: "point open", stroke: COLOURS[status], "stroke-opacity": 0.55 } : { class: "point", fill: COLOURS[status], "fill-opacity": status === "promoted" ? 0.9 : 0.5 };
      const point = svg("circle", { ...look, cx: a, cy: b, r: status === "promoted" ? 5 : 3.5, tabindex: status === "promoted" ? 0 : null },
        svg("title", {}, `${doc.formula_shown ?? doc.formula_reduced}, ${doc.status}: ${number(at(doc, y.path))} over ${number(at(doc, x.path))}`));
      const open = () => go(`/d/${idPath(doc.candidate_id)}`);
      point.addEventListener("click", open);
      point.addEventListener("keydown", (event) => { if (event.key === "Enter") open(); });
      area.append(point);
    }
  }
  picture.append(area);
  const beyond = documents.filter((doc) => !across.holds(at(doc, x.path)) || !up.holds(at(doc, y.path))).length;
  const key = h("div", { class: "key" }, Object.entries(COLOURS).map(([status, colour]) => h("span", {}, h("i", { style: `background:${colour}` }), status)),
    drawn.x.length + drawn.y.length ? h("span", {}, h("i", { class: "dashed" }), "threshold of a gate") : null,
    h("span", {}, `${plural(documents.length, "candidate", "candidates")}${beyond ? `, ${beyond} of them beyond the edge, drawn at it` : ""}`));
  return h("div", {}, key, picture);
}

// A value of which one end alone is known.
function isBound(doc, field) {
  const ends = [field.low && at(doc, field.low), field.high && at(doc, field.high)].map((end) => typeof end === "number");
  return ends[0] !== ends[1];
}

const label = (field) => `${fieldName(field.path)}${field.unit ? `, ${field.unit}` : ""}`;

function ticks(least, most) {
  const rough = (most - least) / (innerWidth < 600 ? 4 : 6);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const found = [];
  for (let tick = Math.ceil(least / step) * step; tick <= most; tick += step) found.push(Math.round(tick / step) * step || 0);
  return { step, marks: found };
}
