// One document: its structure, for a candidate its gates, its values with methods, where it comes from.
import { h, show, svg } from "./dom.js";
import { ask, drawn, idPath } from "./api.js";
import { cell, compared, condition, fieldName, formula, interval, minus, number, plural, spaceGroup, tag, words, written } from "./format.js";
import { structureBox } from "./viewer.js";

const MARKS = { passed: "✓", failed: "✗", unknown: "?", "not-applicable": "–" };
const PLURALS = { materials: "known material", candidates: "candidate", structures: "proposed structure", compositions: "composition", properties: "value", calculations: "calculation", trained_models: "model" };

const DRAWN = { candidates: true, structures: true, materials: true };
const DIAGRAMS = [["hull", "Phase diagram"], ["pourbaix", "Pourbaix diagram"]];
const MOST_ELEMENTS = 4;
const PHONE = "(max-width: 36rem)";
const FORMULA = /^[A-Z(][A-Za-z0-9().·]*$/;

export async function documentPage(id) {
  show(h("div", { class: "wait" }, "…"));
  if (FORMULA.test(id)) return formulaPage(id, new Error(`The registry holds nothing of ${id}.`));
  let found;
  try {
    found = await ask(`documents/${idPath(id)}`);
  } catch (error) {
    if (error.status !== 404) throw error;
    return formulaPage(id, error);
  }
  const { collection, document: doc } = found;
  document.title = `${doc.formula_shown ?? found.id} · exfolio`;
  const verdicts = collection === "candidates" ? (await ask(`why/${idPath(found.id)}`)) : collection === "structures" ? await ask(`why/${idPath(found.id)}`).catch(() => []) : [];
  const [verdict] = verdicts;
  const units = verdict ? await unitsOf("candidates") : {};
  const subject = doc.structure_id ?? found.id;
  const left = h("div", {});
  const right = h("div", {});
  const known = await ask(`documents/${idPath(subject)}/values`).catch(() => []);
  const structures = [
    ...(doc.structure ? [[collection === "materials" ? "as its source has it" : "as proposed", found.id]] : []),
    ...known.filter((row) => row.has_structure).map((row) => [row.kind === "energy" ? row.method : `${fieldName(row.kind)}, ${row.method}`, row.property_id]),
  ];
  if (structures.length) left.append(h("section", { class: "card", "aria-label": "Structure" }, structureBox(structures, doc.dimension === 2)));
  left.append(h("section", { class: "card" }, h("h2", {}, "Facts"), facts(doc)));
  if (collection === "trained_models") right.append(...model(doc));
  if (verdict) right.append(gates(verdict, units));
  if (verdicts.length > 1) right.append(h("section", { class: "card" }, h("h2", {}, "In other campaigns"), verdicts.slice(1).map((one) => h("p", {}, h("a", { href: `/d/${idPath(one.candidate_id)}`, "data-link": true }, one.campaign), " ", tag(one.status)))));
  show(head(found, doc, verdict), h("div", { class: "page" }, left, right));
  right.append(values(known));
  // Where a distance from the hull was computed there is a hull to be drawn; else whoever opens it is told what is missing.
  const hasHull = (doc.nelements ?? 0) <= MOST_ELEMENTS && known.some((row) => row.kind === "energy_above_hull" && Number.isFinite(row.value));
  if (collection in DRAWN) left.append(...DIAGRAMS.map(([kind, name]) => diagram(kind, name, found.id, { open: kind === "hull" && hasHull })));
  right.append(await origins(found.id));
}

// What is shown of each document of a formula: what tells it from the others.
const SHOWN = { materials: ["material_id", "space_group.symbol", "layered"], candidates: ["candidate_id", "status", "exfoliation_energy", "energy_above_hull"], structures: ["structure_id", "space_group.symbol", "route"], compositions: ["formula_reduced"] };

async function formulaPage(text, error) {
  if (!FORMULA.test(text)) return missing(error);
  const filter = `formula_reduced = "${text.replaceAll('"', "")}"`;
  const places = await Promise.all(Object.entries(SHOWN).map(async ([collection, paths]) => {
    try {
      return [collection, await ask(`collections/${collection}`, { filter, fields: [...paths, "formula_reduced"].join(","), limit: 25 }), await ask(`collections/${collection}/fields`)];
    } catch { return [collection, { data: [] }]; }
  }));
  const filled = places.filter(([, answer]) => answer.data.length);
  if (!filled.length) return missing(error);
  const wasDrawn = filled.some(([collection]) => collection === "compositions");
  const verdicts = wasDrawn ? (await ask(`why/${idPath(text)}`).catch(() => [])).filter((one) => one.route === "drawn") : [];
  const units = verdicts.length ? await unitsOf("compositions") : {};
  const tables = filled.filter(([collection]) => collection !== "compositions").map(([collection, answer, { fields }]) =>
    h("section", { class: "card" }, h("h2", {}, plural(answer.number ?? answer.data.length, PLURALS[collection], `${PLURALS[collection]}s`)),
      shortTable(SHOWN[collection].map((path) => fields.find((field) => field.path === path)), answer.data)));
  const judged = verdicts.map((one) => gates(one, units, ["As a composition that was drawn, in ", one.candidate_id.split("/")[0], " ", tag(one.status)]));
  show(h("h1", {}, formula(filled[0][1].data[0].formula_shown ?? text)),
    h("p", { class: "soft" }, "What the registry holds of this formula", wasDrawn ? [", which was also ", h("a", { href: `/compositions?filter=${encodeURIComponent(filter)}`, "data-link": true }, "drawn by a generator")] : null, "."),
    judged.length && tables.length ? h("div", { class: "page" }, h("div", {}, tables), h("div", {}, judged)) : [...tables, ...judged]);
}

function shortTable([key, ...fields], documents) {
  const id = (text) => {
    const [, campaign, own] = key.path === "candidate_id" ? text.match(/^(.*)\/([^/]*)$/) ?? [] : [];
    return [h("a", { href: `/d/${idPath(text)}`, "data-link": true, class: (own ?? text).length < 30 ? "whole" : null }, own ?? text), campaign ? h("div", { class: "soft small" }, campaign) : null];
  };
  const look = (field) => ({ class: field.kind === "number" ? "number" : null });
  return h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "id"), fields.map((field) => h("th", { scope: "col", ...look(field) }, fieldName(field.path), field.unit ? h("span", { class: "unit" }, field.unit) : null)))),
    h("tbody", {}, documents.map((doc) => h("tr", {},
      h("td", { class: "wrap" }, id(doc[key.path])),
      fields.map((field) => h("td", look(field), cell(doc, field))))))));
}

function missing(error) {
  show(h("div", { class: "card" }, h("h1", {}, "Not found"), error.message.split("\n").map((line) => h("p", {}, line)), h("a", { href: "/", "data-link": true }, "All candidates")));
}

function head(found, doc, verdict) {
  const because = verdict && (verdict.rejected_by ?? verdict.waiting_for);
  return h("div", {},
    h("h1", {}, doc.formula_shown ? formula(doc.formula_shown) : found.id, " ", verdict ? tag(verdict.status) : null, " ", verdict && because ? h("span", { class: "soft", style: "font-size:1rem;font-weight:400" }, `${verdict.status === "rejected" ? "by" : "for"} ${because}`) : null),
    h("div", { class: "soft" }, PLURALS[found.collection] ?? words(found.collection), " ", h("span", { class: "mono" }, found.id)),
    doc.novelty_class ? h("div", { class: "soft small" }, `${doc.novelty_class}${doc.novelty_beside?.length ? ` (${doc.novelty_beside.join(", ")})` : ""}${verdict?.compared_with ? `, beside ${verdict.compared_with.length} sources: ${verdict.compared_with.join(", ")}` : ""}`) : null);
}

function facts(doc) {
  const group = doc.space_group;
  const rows = [
    ["Space group", group && [spaceGroup(group.symbol), ` (${group.number})`]], ["Crystal system", group?.crystal_system], ["Atoms in the cell", doc.nsites], ["Volume", doc.volume && `${number(doc.volume)} Å³`],
    ["Density", doc.density && `${number(doc.density)} g/cm³`], ["Thickness", doc.thickness && `${number(doc.thickness)} Å`], ["Made by", doc.route], [doc.route === "top-down" ? "Cut from the bulk" : "From", doc.parent_id && h("a", { href: `/d/${idPath(doc.parent_id)}`, "data-link": true }, doc.parent_id)],
    ["Source", doc.source && `${doc.source}${doc.source_version ? ` ${doc.source_version}` : ""}`], ["Layered", doc.layered === undefined ? null : doc.layered ? "yes" : "no"], ["Has been made", doc.synthesised ? doc.synthesis_method ?? "yes" : null],
    ["Kind", doc.metrics ? doc.kind : null], ["Seed", doc.metrics ? doc.seed : null], ["Trained in", doc.metrics && doc.seconds ? `${number(Math.round(doc.seconds))} s` : null], ["Made by", doc.command && h("code", {}, doc.command)], ["P(2D) of the composition", doc.p_2d === undefined ? null : number(doc.p_2d)], ["Reference", doc.reference],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

// What a model is worth, where it fails, and what it learnt from.
function model(doc) {
  const shown = (value) => (Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) ? [number(value[0]), " ± ", number(value[1])] : Number.isFinite(value) ? number(value) : null);
  const figures = Object.entries(doc.metrics ?? {}).map(([name, value]) => [words(name), shown(value)]).filter(([, value]) => value !== null);
  const listed = (title, lines) => (lines.length ? h("section", { class: "card" }, h("h2", {}, title), h("ul", { class: "plain-list" }, lines.map((line) => h("li", {}, line)))) : null);
  return [
    figures.length ? h("section", { class: "card" }, h("h2", {}, "How good it is"), h("dl", { class: "facts" }, figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))))) : null,
    listed("Where it fails", doc.limits ?? []),
    listed("What it learnt from", (doc.sources ?? []).map((source) => [h("strong", {}, source.name), h("div", { class: "soft small" }, [source.licence, source.citation].filter(Boolean).join("; "))])),
  ].filter(Boolean);
}

async function unitsOf(collection) {
  const { fields } = await ask(`collections/${collection}/fields`);
  return Object.fromEntries(fields.map((field) => [field.path, field.unit]));
}

const OPEN_DEPTH = 1;
const chance = (share) => (share > 0.995 ? "over 99 %" : share < 0.005 ? "under 1 %" : `${Math.round(100 * share)} %`);
const TASKS = { relax: "relaxation", static: "static run" };

// What would change the verdict: which value, by how much, by which calculation.
function outlook({ gates: open, calculations, blocked_by: blockedBy, nearest }, units) {
  const sized = (gate, value) => [h("strong", {}, number(value)), units[gate.field] ? ` ${units[gate.field]}` : ""];
  const lines = open.map((gate) => {
    const size = (value) => sized(gate, value);
    const better = String(gate.condition).startsWith("<") ? "lower" : String(gate.condition).startsWith(">") ? "higher" : "nearer";
    if (gate.verdict === "failed") return [h("strong", {}, gate.name), ": ", gate.short_of ? ["the value would have to be ", size(gate.short_of), ` ${better}`, gate.settled_by > gate.short_of ? [", all of its interval ", size(gate.settled_by)] : null] : [condition(gate.field, gate.condition)], "."];
    if (gate.chance === undefined) return [h("strong", {}, gate.name), ": no value yet", gate.by_calculation ? "; a calculation gives it." : "."];
    return [h("strong", {}, gate.name), ": ", gate.settled_by ? ["decided once the end of the interval comes ", size(gate.settled_by), ` ${better}`] : "one end of the value is not known", `; as it stands it passes with a chance of ${chance(gate.chance)}.`];
  });
  if (nearest) lines.push(["The closest call is ", h("strong", {}, nearest.name), ", which it passes with ", sized(nearest, nearest.by), " to spare."]);
  const runs = calculations.map((one) => `${one.functional} ${TASKS[one.task] ?? one.task} of the ${one.of}`);
  return h("div", { class: "outlook" }, h("h3", {}, "What would change the verdict"),
    lines.length ? h("ul", {}, lines.map((line) => h("li", {}, line))) : null,
    runs.length ? h("p", { class: "small" }, "Due: ", runs.join(", "), ". ", h("code", {}, "exfolio export vasp"), " writes the input.") : null,
    blockedBy ? h("p", { class: "small soft" }, `No calculation helps with ${blockedBy}, which comes first.`) : null);
}

function gates(verdict, units, title = "Gates") {
  return h("section", { class: "card" }, h("h2", {}, title), verdict.outlook ? outlook(verdict.outlook, units) : null,
    h("ol", { class: "gates" }, verdict.gates.map((gate) => h("li", {},
      h("span", { class: `dot ${gate.verdict}`, "aria-label": gate.verdict }, MARKS[gate.verdict] ?? "·"),
      h("div", {},
        h("div", { class: "gate-head" }, h("span", {}, h("strong", {}, gate.name), ["yes", "no"].includes(gate.condition) ? null : h("span", { class: "soft small" }, ` ${compared(gate.condition)}`)), h("span", {}, found(gate, units[gate.field]))),
        verdict.methods?.[gate.field.replace("values.", "")] ? h("div", { class: "soft small" }, verdict.methods[gate.field.replace("values.", "")]) : null,
        scale(gate),
        (gate.warnings ?? []).map((warning) => h("div", { class: "note" }, warning)))))),
    (verdict.doubts ?? []).map((doubt) => h("div", { class: "note" }, doubt)),
    verdict.made?.length ? h("p", { class: "small" }, "Has been made: ", verdict.made.map((one) => `${one.material_id}${one.synthesis_method ? `, ${one.synthesis_method}` : ""}${one.reference ? `, ${one.reference}` : ""}`).join("; ")) : null,
    (verdict.history ?? []).length ? h("details", {}, h("summary", {}, "Earlier verdicts"), verdict.history.map((one) => h("p", { class: "small" }, tag(one.status), ` until ${one.until ?? one.judged_at}`))) : null);
}

function found(gate, unit) {
  if (gate.verdict === "not-applicable") return h("span", { class: "soft small" }, "does not concern it");
  if (gate.value === undefined || gate.value === null) return h("span", { class: "soft" }, "not known yet");
  return [interval(gate.value, gate.low, gate.high), unit ? h("span", { class: "soft small" }, ` ${unit}`) : null];
}

// Value, interval and threshold on one line.
function scale(gate) {
  const threshold = String(gate.condition).match(/-?[0-9.]+/g)?.map(Number);
  if (gate.verdict === "not-applicable") return null;
  if (typeof gate.value !== "number" || !threshold || gate.condition === "yes") return null;
  const ends = [gate.value, gate.low, gate.high, ...threshold].filter((value) => typeof value === "number");
  let [least, most] = [Math.min(...ends), Math.max(...ends)];
  if (least === most) return null;
  const margin = 0.12 * (most - least);
  [least, most] = [least - margin, most + margin];
  const x = (value) => 6 + 388 * (value - least) / (most - least);
  const colour = { passed: "var(--good)", failed: "var(--bad)", unknown: "var(--wait)" }[gate.verdict] ?? "var(--soft)";
  const low = typeof gate.low === "number" ? gate.low : typeof gate.high === "number" ? least : gate.value;
  const high = typeof gate.high === "number" ? gate.high : typeof gate.low === "number" ? most : gate.value;
  return svg("svg", { class: "scale", viewBox: "0 0 400 34", role: "img", "aria-label": `${gate.value} against ${gate.condition}` },
    svg("line", { x1: 0, x2: 400, y1: 12, y2: 12, stroke: "var(--line)", "stroke-width": 2 }),
    svg("line", { x1: x(low), x2: x(high), y1: 12, y2: 12, stroke: colour, "stroke-width": 6, "stroke-opacity": 0.45, "stroke-linecap": "round" }),
    svg("circle", { cx: x(gate.value), cy: 12, r: 4.5, fill: colour }),
    threshold.map((value) => svg("g", {}, svg("line", { x1: x(value), x2: x(value), y1: 2, y2: 22, stroke: "var(--ink)", "stroke-width": 1.5, "stroke-dasharray": "3 2" }), svg("text", { x: Math.min(Math.max(x(value), 14), 386), y: 33, "text-anchor": "middle" }, written(value)))));
}

// A picture that the server draws, once its place is looked at: it may take seconds.
function diagram(kind, name, id, { open }) {
  const address = `/api/v1/diagrams/${kind}?about=${encodeURIComponent(id)}${matchMedia(PHONE).matches ? "&narrow=true" : ""}`;
  const place = h("div", { class: "wait small" }, "is drawn …");
  const section = h("details", { class: "card diagram", open }, h("summary", {}, h("h2", {}, name)), place);
  let asked = false;
  section.addEventListener("toggle", async () => {
    if (asked || !section.open) return;
    asked = true;
    place.textContent = "is drawn …";
    try {
      const text = await patiently(() => drawn(address), () => { place.textContent = "is still being drawn …"; });
      const picture = h("img", { src: URL.createObjectURL(new Blob([text], { type: "image/svg+xml" })), alt: `${name} about ${id}` });
      place.replaceWith(h("a", { href: address, title: "Open alone" }, picture));
    } catch (error) {
      place.textContent = error.message;
      asked = false;  // opened again, it is asked for again
    }
  });
  return section;
}

// What a busy server has not drawn in its time it is asked for again.
async function patiently(ask, late, times = 3) {
  try {
    return await ask();
  } catch (error) {
    if (error.status !== 503 || times === 1) throw error;
    late();
    return patiently(ask, late, times - 1);
  }
}

function values(rows) {
  if (!rows.length) return "";
  const order = [...rows].sort((a, b) => a.kind.localeCompare(b.kind) || Number(Boolean(a.refused)) - Number(Boolean(b.refused)));
  return h("section", { class: "card values" }, h("h2", {}, "Values"), h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, ["property", "value", "method"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, order.map((row) => h("tr", {},
      h("td", {}, fieldName(row.kind)), h("td", {}, row.refused ? h("span", { class: "tag failed" }, "refused") : [interval(row.value, row.low, row.high), " ", h("span", { class: "soft small" }, row.unit ?? "")], row.stale ? h("span", { class: "tag waiting" }, "stale") : null),
      h("td", { class: "wrap small" }, row.method, row.refused ? h("div", { class: "note" }, row.refused) : null, (row.warnings ?? []).map((warning) => h("div", { class: "note" }, warning)), row.competing?.length ? h("div", { class: "soft" }, "against ", row.competing.slice(0, 6).flatMap((phase, i) => [i ? " + " : "", formula(phase.formula_shown ?? phase.formula ?? phase.id)])) : null)))))));
}

const NOUNS = { properties: "value", materials: "material", structures: "structure", trained_models: "model", calculations: "calculation", reference_entries: "reference", compositions: "composition", candidates: "candidate", file: "file" };

async function origins(id) {
  const tree = await ask(`documents/${idPath(id)}/origins`).catch(() => null);
  if (!tree?.origins?.length) return "";
  return h("section", { class: "card" }, h("h2", {}, "Where it comes from"), below(tree, 0));
}

// What a document was made from, under the stage that made it. What lies deeper is opened by a click: a tree of a judged
// structure has hundreds of leaves.
function below(product, depth) {
  const keys = [product, ...product.origins].filter((one) => one.collection !== "group").map((one) => one.key);
  const known = product.origins.filter((one) => one.collection !== "group" || !keys.some((key) => key.includes(one.key)));
  const { stage } = product.origins[0];
  const leaves = [stage ? h("div", { class: "soft small" }, `by ${stage} from`) : null,
    h("ul", { class: "tree" }, known.map((one) => branch(one, depth + 1)), product.hidden ? h("li", { class: "soft small" }, `and ${product.hidden} more`) : null)];
  return depth <= OPEN_DEPTH ? leaves : h("details", {}, h("summary", { class: "small" }, plural(known.length, "origin", "origins")), leaves);
}

function branch(origin, depth) {
  const noun = NOUNS[origin.collection];
  const lead = noun ? h("span", { class: "tag" }, noun) : null;
  return h("li", {}, lead, " ", said(origin), origin.state ? h("span", { class: "soft small" }, `, ${origin.state}`) : null, origin.origins?.length ? below(origin, depth) : null);

  function said({ collection, key, place, title }) {
    if (collection === "group") return h("span", { class: "soft" }, `all of ${key}`);
    if (collection === "file") return `${key} ${place}`;
    const link = (text) => h("a", { href: `/d/${idPath(key)}`, "data-link": true, title: key }, text);
    const [about, kind, ...method] = key.split("/");
    if (collection === "properties") return [link(minus(words(title || kind || about))), h("span", { class: "soft small" }, ` ${method.join("/")}`)];
    return [link(title ? formula(title) : key), title ? h("span", { class: "soft small" }, ` ${key}`) : null];
  }
}
