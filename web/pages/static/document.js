// One document: its structure, for a candidate its gates, its values with methods, where it comes from.
import { h, show, svg } from "./dom.js";
import { ask, drawn, idPath } from "./api.js";
import { compared, formula, interval, number, plural, spaceGroup, tag, words } from "./format.js";
import { structureBox } from "./viewer.js";

const MARKS = { passed: "✓", failed: "✗", unknown: "?", "not-applicable": "–" };
const PLURALS = { materials: "known material", candidates: "candidate", structures: "proposed structure", compositions: "composition", properties: "value", calculations: "calculation" };

const DRAWN = { candidates: true, structures: true, materials: true };
const DIAGRAMS = [["hull", "Phase diagram"], ["pourbaix", "Pourbaix diagram"]];
const MOST_ELEMENTS = 4;
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
    ...known.filter((row) => row.has_structure).map((row) => [`${words(row.kind)}, ${row.method}`, row.property_id]),
  ];
  if (structures.length) left.append(h("section", { class: "card", "aria-label": "Structure" }, structureBox(structures, doc.dimension === 2)));
  left.append(h("section", { class: "card" }, h("h2", {}, "Facts"), facts(doc)));
  if (verdict) right.append(gates(verdict, units));
  if (verdicts.length > 1) right.append(h("section", { class: "card" }, h("h2", {}, "In other campaigns"), verdicts.slice(1).map((one) => h("p", {}, h("a", { href: `/d/${idPath(one.candidate_id)}`, "data-link": true }, one.campaign), " ", tag(one.status)))));
  show(head(found, doc, verdict), h("div", { class: "page" }, left, right));
  right.append(values(known));
  // Where a distance from the hull was computed there is a hull to be drawn; else whoever opens it is told what is missing.
  const hasHull = (doc.nelements ?? 0) <= MOST_ELEMENTS && known.some((row) => row.kind === "energy_above_hull" && Number.isFinite(row.value));
  if (collection in DRAWN) left.append(...DIAGRAMS.map(([kind, name]) => diagram(kind, name, found.id, { open: kind === "hull" && hasHull })));
  right.append(await origins(found.id));
}

async function formulaPage(text, error) {
  if (!FORMULA.test(text)) return missing(error);
  const places = await Promise.all(["materials", "candidates", "structures", "compositions"].map(async (collection) => {
    try {
      return [collection, await ask(`collections/${collection}`, { filter: `formula_reduced = "${text.replaceAll('"', "")}"`, limit: 25 })];
    } catch { return [collection, { data: [] }]; }
  }));
  const filled = places.filter(([, answer]) => answer.data.length);
  if (!filled.length) return missing(error);
  const judged = filled.some(([collection]) => collection === "compositions") ? await ask(`why/${idPath(text)}`).catch(() => []) : [];
  const units = judged.length ? await unitsOf("compositions") : {};
  const keys = { materials: "material_id", candidates: "candidate_id", structures: "structure_id", compositions: "formula_reduced" };
  show(h("h1", {}, formula(filled[0][1].data[0].formula_shown ?? text)), h("p", { class: "soft" }, "What the registry holds of this formula."), judged.filter((one) => one.route === "drawn").map((one) => h("div", {}, h("p", {}, "As a composition that was drawn, in ", one.candidate_id.split("/")[0], ": ", tag(one.status)), gates(one, units))), filled.map(([collection, answer]) =>
    h("section", { class: "card" }, h("h2", {}, plural(answer.number ?? answer.data.length, PLURALS[collection], `${PLURALS[collection]}s`)),
      h("ul", { class: "tree" }, answer.data.map((doc) => h("li", {}, h("a", { href: collection === "compositions" ? `/compositions?filter=${encodeURIComponent(`formula_reduced = "${doc.formula_reduced}"`)}` : `/d/${idPath(doc[keys[collection]])}`, "data-link": true }, doc[keys[collection]]), " ", doc.status ? tag(doc.status) : "", " ", h("span", { class: "soft" }, [doc["space_group.symbol"] ?? doc.space_group?.symbol, doc.route].filter(Boolean).join(", "))))))));
}

function missing(error) {
  show(h("div", { class: "card" }, h("h1", {}, "Not found"), h("p", {}, error.message), h("a", { href: "/", "data-link": true }, "All candidates")));
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
    ["P(2D) of the composition", doc.p_2d === undefined ? null : number(doc.p_2d)], ["Reference", doc.reference],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

async function unitsOf(collection) {
  const { fields } = await ask(`collections/${collection}/fields`);
  return Object.fromEntries(fields.map((field) => [field.path, field.unit]));
}

const OPEN_DEPTH = 1;
const TASKS = { relax: "relaxation", static: "static run" };

// What would change the verdict: which value, by how much, by which calculation.
function outlook({ gates: open, calculations, blocked_by: blockedBy, nearest }, units) {
  const sized = (gate, value) => [h("strong", {}, number(value)), units[gate.field] ? ` ${units[gate.field]}` : ""];
  const lines = open.map((gate) => {
    const size = (value) => sized(gate, value);
    const better = String(gate.condition).startsWith("<") ? "lower" : String(gate.condition).startsWith(">") ? "higher" : "nearer";
    if (gate.verdict === "failed") return [h("strong", {}, gate.name), ": ", gate.short_of ? ["the value would have to be ", size(gate.short_of), ` ${better}`, gate.settled_by > gate.short_of ? [", all of its interval ", size(gate.settled_by)] : null] : ["it would have to be ", String(gate.condition)], "."];
    if (gate.chance === undefined) return [h("strong", {}, gate.name), ": no value yet", gate.by_calculation ? "; a calculation gives it." : "."];
    return [h("strong", {}, gate.name), ": ", gate.settled_by ? ["decided once the end of the interval comes ", size(gate.settled_by), ` ${better}`] : "one end of the value is not known", `; as it stands it passes with a chance of ${Math.round(100 * gate.chance)} %.`];
  });
  if (nearest) lines.push(["The closest call is ", h("strong", {}, nearest.name), `: the worse end of its interval has `, sized(nearest, nearest.by), " to spare."]);
  const runs = calculations.map((one) => `${one.functional} ${TASKS[one.task] ?? one.task} of the ${one.of}`);
  return h("div", { class: "outlook" }, h("h3", {}, "What would change the verdict"),
    lines.length ? h("ul", {}, lines.map((line) => h("li", {}, line))) : null,
    runs.length ? h("p", { class: "small" }, "Due: ", runs.join(", "), ". ", h("code", {}, "exfolio export vasp"), " writes the input.") : null,
    blockedBy ? h("p", { class: "small soft" }, `No calculation helps with ${blockedBy}, which comes first.`) : null);
}

function gates(verdict, units) {
  return h("section", { class: "card" }, h("h2", {}, "Gates"), verdict.outlook ? outlook(verdict.outlook, units) : null,
    h("ol", { class: "gates" }, verdict.gates.map((gate) => h("li", {},
      h("span", { class: `dot ${gate.verdict}`, "aria-label": gate.verdict }, MARKS[gate.verdict] ?? "·"),
      h("div", {},
        h("div", { class: "gate-head" }, h("span", {}, h("strong", {}, gate.name), ["yes", "no"].includes(gate.condition) ? null : h("span", { class: "soft small" }, ` ${compared(gate.condition)}`)), h("span", {}, said(gate))),
        verdict.methods?.[gate.field.replace("values.", "")] ? h("div", { class: "soft small" }, verdict.methods[gate.field.replace("values.", "")]) : null,
        scale(gate),
        (gate.warnings ?? []).map((warning) => h("div", { class: "note" }, warning)))))),
    (verdict.doubts ?? []).map((doubt) => h("div", { class: "note" }, doubt)),
    verdict.made?.length ? h("p", { class: "small" }, "Has been made: ", verdict.made.map((one) => `${one.material_id}${one.synthesis_method ? `, ${one.synthesis_method}` : ""}${one.reference ? `, ${one.reference}` : ""}`).join("; ")) : null,
    (verdict.history ?? []).length ? h("details", {}, h("summary", {}, "Earlier verdicts"), verdict.history.map((one) => h("p", { class: "small" }, tag(one.status), ` until ${one.until ?? one.judged_at}`))) : null);
}

function said(gate) {
  if (gate.verdict === "not-applicable") return h("span", { class: "soft small" }, "does not concern it");
  if (gate.value === undefined || gate.value === null) return h("span", { class: "soft" }, "not known yet");
  return interval(gate.value, gate.low, gate.high);
}

// Value, interval and threshold on one line.
function scale(gate) {
  const threshold = String(gate.condition).match(/-?[0-9.]+/g)?.map(Number);
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
    threshold.map((value) => svg("g", {}, svg("line", { x1: x(value), x2: x(value), y1: 2, y2: 22, stroke: "var(--ink)", "stroke-width": 1.5, "stroke-dasharray": "3 2" }), svg("text", { x: Math.min(Math.max(x(value), 14), 386), y: 33, "text-anchor": "middle" }, number(value)))));
}

// A picture that the server draws, once its place is looked at: it may take seconds.
function diagram(kind, name, id, { open }) {
  const address = `/api/v1/diagrams/${kind}?about=${encodeURIComponent(id)}`;
  const place = h("div", { class: "wait small" }, "is drawn …");
  const section = h("details", { class: "card diagram", open }, h("summary", {}, h("h2", {}, name)), place);
  section.addEventListener("toggle", async () => {
    try {
      const text = await drawn(address);
      const picture = h("img", { src: URL.createObjectURL(new Blob([text], { type: "image/svg+xml" })), alt: `${name} about ${id}` });
      place.replaceWith(h("a", { href: address, title: "Open alone" }, picture));
    } catch (error) {
      place.textContent = error.message;
    }
  }, { once: true });
  return section;
}

function values(rows) {
  if (!rows.length) return "";
  const order = [...rows].sort((a, b) => a.kind.localeCompare(b.kind) || Number(Boolean(a.refused)) - Number(Boolean(b.refused)));
  return h("section", { class: "card" }, h("h2", {}, "Values"), h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, ["property", "value", "method"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, order.map((row) => h("tr", {},
      h("td", {}, words(row.kind)), h("td", {}, row.refused ? h("span", { class: "tag failed" }, "refused") : [interval(row.value, row.low, row.high), " ", h("span", { class: "soft small" }, row.unit ?? "")], row.stale ? h("span", { class: "tag waiting" }, "stale") : null),
      h("td", { class: "wrap small" }, row.method, row.refused ? h("div", { class: "note" }, row.refused) : null, (row.warnings ?? []).map((warning) => h("div", { class: "note" }, warning)), row.competing?.length ? h("div", { class: "soft" }, "against ", row.competing.slice(0, 6).flatMap((phase, i) => [i ? " + " : "", formula(phase.formula_shown ?? phase.formula ?? phase.id)])) : null)))))));
}

async function origins(id) {
  const tree = await ask(`documents/${idPath(id)}/origins`).catch(() => null);
  if (!tree?.origins?.length) return "";
  // What lies deeper is opened by a click: a tree of a judged structure has hundreds of leaves.
  const below = (origin, depth) => {
    if (!origin.origins?.length) return null;
    const leaves = h("ul", {}, origin.origins.map((inner) => branch(inner, depth + 1)));
    return depth < OPEN_DEPTH ? leaves : h("details", {}, h("summary", { class: "small" }, plural(origin.origins.length, "origin", "origins")), leaves);
  };
  const branch = (origin, depth = 0) => h("li", {},
    origin.collection === "file" || origin.collection === "group" ? h("span", {}, `${origin.collection} ${origin.key} ${origin.place}`) : h("span", {}, h("a", { href: `/d/${idPath(origin.key)}`, "data-link": true }, origin.key), " ", h("span", { class: "soft" }, [origin.title, origin.collection].filter(Boolean).join(", "))),
    origin.stage ? h("span", { class: "soft small" }, ` by ${origin.stage}`) : null, origin.state ? h("span", { class: "tag waiting" }, origin.state) : null,
    below(origin, depth), origin.hidden ? h("div", { class: "soft small" }, `and ${origin.hidden} more`) : null);
  return h("section", { class: "card" }, h("h2", {}, "Where it comes from"), h("ul", { class: "tree" }, tree.origins.map((origin) => branch(origin))));
}
