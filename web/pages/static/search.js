// Search: plain fields on the left become a filter, the filter language says the rest, the table is ordered by a click.
import { fault, h, show } from "./dom.js";
import { ask, idPath } from "./api.js";
import { at, cell, fieldName, plural } from "./format.js";
import { go } from "./app.js";
import { periodicTable } from "./periodic.js";
import { rangeField } from "./range.js";

// Field, name, and the span of its slider: least, most, step.
const GAP = ["band_gap", "Band gap", [0, 10, 0.1]];
const HULL = ["energy_above_hull", "Energy above hull", [-0.2, 1, 0.01]];
const EXFOLIATION = ["exfoliation_energy", "Exfoliation energy", [0, 0.4, 0.005]];
const FORMATION = ["formation_energy", "Formation energy", [-5, 1, 0.05]];
const SITES = ["nsites", "Atoms in the cell", [1, 60, 1]];
const RANGES = {
  candidates: [EXFOLIATION, HULL, GAP, FORMATION, SITES],
  materials: [HULL, GAP, FORMATION, EXFOLIATION, SITES],
  compositions: [["p_2d", "P(2D)", [0, 1, 0.01]], ["predicted_formation_energy", "Predicted formation energy", [-5, 1, 0.05]], ["nelements", "Number of elements", [1, 6, 1]]],
};
const CHOICES = {
  candidates: [["status", "Verdict"], ["novelty_class", "How new"], ["route", "Made by"]],
  materials: [],
  compositions: [],
};
const FLAGS = {
  candidates: [["valid", "Sound structure"], ["novel", "New to these sources"]],
  materials: [["layered", "Layered"], ["synthesised", "Has been made"]],
  compositions: [["charge_neutral", "Charge neutral"], ["electronegativity_balanced", "Electronegativity balanced"], ["novel", "New to these sources"]],
};
const ROUTES = ["top-down", "bottom-up", "template", "crystal-gan"];
const FIRST = { candidates: "status", materials: "exfoliation_energy", compositions: "-p_2d" };
const COLUMNS = {
  candidates: ["formula_reduced", "status", "exfoliation_energy", "energy_above_hull", "band_gap", "novelty_class", "route", "rejected_by"],
  materials: ["formula_reduced", "source", "space_group.symbol", "nsites", "layered", "formation_energy", "energy_above_hull", "exfoliation_energy", "band_gap"],
};
const EXAMPLES = {
  candidates: 'elements HAS ALL "Mo","S" AND exfoliation_energy < 0.1',
  materials: 'elements HAS ALL "Mo","S" AND layered = TRUE',
  compositions: 'elements HAS "Mo" AND p_2d >= 0.95',
};
const BOOKKEEPING = ["schema_version", "rev", "content_hash", "run_id", "made_by"];
const PAGE = 50;

export async function searchPage(collection) {
  const { fields, columns: usual, key } = await ask(`collections/${collection}/fields`);
  const campaigns = collection === "candidates" ? await ask("campaigns") : [];
  const byPath = Object.fromEntries(fields.map((field) => [field.path, field]));
  const state = fromAddress();
  if (collection === "candidates" && !state.campaign && campaigns.length) {
    state.campaign = campaigns.reduce((a, b) => ((b.candidates.promoted ?? 0) > (a.candidates.promoted ?? 0) ? b : a)).name;
  }
  const chosen = state.columns.length ? state.columns : COLUMNS[collection] ?? usual;
  const result = h("section", { "aria-label": "Results", "aria-live": "polite" });

  const changed = () => {
    state.after = "";
    keep(state);
    find();
  };
  const filters = h("aside", { class: "card filters", "aria-label": "Filters" });
  filters.append(
    h("button", { type: "button", class: "button only-small", onclick: () => filters.toggleAttribute("data-open") }, "Filters"),
    ...[campaignField(), ...CHOICES[collection].map(choiceField), elementsField(), ...RANGES[collection].map(numberField), flagsField()].filter(Boolean),
    h("button", { type: "button", class: "button", onclick: () => go(location.pathname) }, "Clear all"),
  );

  function campaignField() {
    if (campaigns.length < 2) return null;
    const select = h("select", { "aria-label": "Campaign", onchange: () => { state.campaign = select.value; changed(); } },
      campaigns.map((one) => h("option", { value: one.name, selected: one.name === state.campaign }, one.name)));
    return h("fieldset", {}, h("legend", {}, "Campaign"), select);
  }

  function choiceField([path, name]) {
    const options = path === "route" ? ROUTES : byPath[path]?.choices ?? [];
    const picked = (state.choices[path] ??= []);
    return h("fieldset", {}, h("legend", {}, name), h("div", { class: "choices" }, options.map((option) => {
      const chip = h("button", { type: "button", class: "chip", "aria-pressed": String(picked.includes(option)) }, option);
      chip.addEventListener("click", () => {
        picked.includes(option) ? picked.splice(picked.indexOf(option), 1) : picked.push(option);
        chip.setAttribute("aria-pressed", String(picked.includes(option)));
        changed();
      });
      return chip;
    })));
  }

  function elementsField() {
    const said = h("div", { class: "small soft" });
    const tell = () => {
      const wanted = Object.entries(state.elements).map(([symbol, how]) => (how === "with" ? symbol : `not ${symbol}`));
      said.textContent = wanted.join(", ");
    };
    const dialog = h("dialog", { "aria-label": "Elements" });
    dialog.append(
      h("div", { class: "row spread" }, h("h2", {}, "Elements"), h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Done")),
      h("p", { class: "soft small" }, "Click once: has to be in it. Twice: must not be."),
      periodicTable(state.elements, () => { tell(); changed(); }),
    );
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    tell();
    return h("fieldset", {}, h("legend", {}, "Elements"),
      h("button", { type: "button", class: "button", onclick: () => dialog.showModal() }, "Periodic table"), said, dialog);
  }

  function numberField([path, name, span]) {
    const field = byPath[path];
    return field ? rangeField(name, field.unit ?? "", span, (state.ranges[path] ??= ["", ""]), changed) : null;
  }

  function flagsField() {
    return h("fieldset", {}, h("legend", {}, "Only"), h("div", { class: "choices" }, FLAGS[collection].map(([path, name]) => {
      const chip = h("button", { type: "button", class: "chip", "aria-pressed": String(state.flags.includes(path)) }, name);
      chip.addEventListener("click", () => {
        state.flags.includes(path) ? state.flags.splice(state.flags.indexOf(path), 1) : state.flags.push(path);
        chip.setAttribute("aria-pressed", String(state.flags.includes(path)));
        changed();
      });
      return chip;
    })));
  }

  const language = h("input", { type: "text", value: state.filter, spellcheck: "false", "aria-label": "Filter", placeholder: `Filter, e.g. ${EXAMPLES[collection]}` });
  const form = h("form", { class: "language", onsubmit: (event) => { event.preventDefault(); state.filter = language.value.trim(); changed(); } }, language, h("button", { class: "button strong" }, "Search"));

  show(h("div", { class: "search" }, filters, h("div", {}, form, result)));
  await find();

  async function find() {
    const filter = asFilter(state, collection);
    const asked = { filter, sort: state.sort || FIRST[collection], limit: PAGE, fields: [...new Set([key, ...chosen, "formula_reduced"])].join(","), after: state.after, possible: state.possible };
    result.setAttribute("aria-busy", "true");
    try {
      const answer = await ask(`collections/${collection}`, asked);
      result.replaceChildren(head(answer, filter), table(answer.data), pages(answer));
    } catch (error) {
      result.replaceChildren(fault(error));
    }
    result.removeAttribute("aria-busy");
  }

  function head(answer, filter) {
    const number = answer.number === null ? "" : `${answer.number_is_exact ? "" : answer.number_is_least ? "more than " : "about "}${plural(answer.number, collection.slice(0, -1), collection)}`;
    const possible = h("button", { type: "button", class: "button", "aria-pressed": String(state.possible), title: "Also what may meet the filter, where a value is an interval", onclick: () => { state.possible = !state.possible; changed(); } }, "May match too");
    return h("div", { class: "row spread", style: "margin-bottom:.7rem" },
      h("div", {}, h("strong", {}, number), filter ? h("div", { class: "small soft mono" }, filter) : null),
      h("div", { class: "row" }, possible, columnsButton(), files(filter)));
  }

  function columnsButton() {
    const dialog = h("dialog", { "aria-label": "Columns" });
    const boxes = fields.filter((field) => !["object", "list of objects"].includes(field.kind) && !field.many && !BOOKKEEPING.includes(field.path)).map((field) => {
      const box = h("input", { type: "checkbox", value: field.path, checked: chosen.includes(field.path) });
      return h("label", { class: "row small", title: field.description }, box, fieldName(field.path));
    });
    const done = () => {
      state.columns = [...dialog.querySelectorAll("input:checked")].map((box) => box.value);
      keep(state);
      dialog.close();
      searchPage(collection);
    };
    dialog.append(h("h2", {}, "Columns"), h("div", { class: "boxes" }, boxes), h("div", { class: "row", style: "margin-top:1rem" }, h("button", { type: "button", class: "button strong", onclick: done }, "Show these"), h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Cancel")));
    return h("span", {}, h("button", { type: "button", class: "button", onclick: () => dialog.showModal() }, "Columns"), dialog);
  }

  function table(documents) {
    if (!documents.length) {
      const clear = h("button", { type: "button", class: "button", onclick: () => go(location.pathname) }, "Clear all");
      return h("div", { class: "card wait" }, h("p", {}, state.campaign || asFilter(state, collection) ? "Nothing matches. Take a condition away, or let what may match count too." : `There are no ${collection} yet.`), clear);
    }
    // Of the usual columns those that nothing here has a value in are left out; who chose them sees them.
    const filled = (field) => state.columns.length || documents.some((doc) => ![undefined, null, ""].includes(at(doc, field.path)));
    const shown = chosen.map((path) => byPath[path]).filter((field) => field && filled(field));
    const heading = (field) => {
      const down = state.sort === `-${field.path}`;
      const up = state.sort === field.path;
      const name = field.path === key && key !== "formula_reduced" ? "id" : fieldName(field.path);
      const content = [name, up ? " ↑" : down ? " ↓" : ""];
      const sortable = !field.many && !["list", "object", "list of objects"].includes(field.kind);
      const order = () => { state.sort = up ? `-${field.path}` : down ? "" : field.path; changed(); };
      return h("th", { scope: "col", class: numeric(field) ? "number" : null, "aria-sort": up ? "ascending" : down ? "descending" : null },
        sortable ? h("button", { type: "button", onclick: order, title: field.description }, content) : content,
        field.unit ? h("span", { class: "unit" }, field.unit) : null);
    };
    return h("div", { class: "table" }, h("table", {},
      h("thead", {}, h("tr", {}, shown.map(heading))),
      h("tbody", {}, documents.map((doc) => h("tr", {}, shown.map((field) =>
        h("td", { class: numeric(field) ? "number" : null }, field === shown[0] || field.path === key ? h("a", { href: `/d/${idPath(doc[key])}`, "data-link": true, title: doc[key] }, field.path === key && key !== "formula_reduced" ? shortId(doc[key]) : cell(doc, field)) : cell(doc, field))))))));
  }

  // Going on is a step in the browser's history, so that its own button leads back, too.
  function pages(answer) {
    if (!state.after && !answer.next) return "";
    const on = () => {
      keep({ ...state, after: answer.next }, { push: true });
      searchPage(collection).then(() => window.scrollTo(0, 0));
    };
    const back = () => {
      if (history.state?.paged) return history.back();
      state.after = "";
      keep(state);
      return find();
    };
    return h("nav", { class: "row spread", style: "margin-top:.8rem", "aria-label": "Pages of the results" },
      h("button", { type: "button", class: "button", disabled: !state.after, onclick: back }, history.state?.paged ? "← Back" : "← First page"),
      h("button", { type: "button", class: "button", disabled: !answer.next, onclick: on }, "Next →"));
  }

  // All that is found as a file, with the columns that are shown.
  function files(filter) {
    const address = (form) => `/api/v1/collections/${collection}/export?${new URLSearchParams({ format: form, filter, sort: state.sort, possible: String(state.possible), ...(form === "cifs" ? {} : { fields: chosen.join(",") }) })}`;
    const forms = [["csv", "CSV"], ["jsonl", "JSON lines"], ["parquet", "Parquet"], ...(byPath.structure || byPath.structure_id ? [["cifs", "CIFs (zip)"]] : [])];
    return h("details", { class: "menu" }, h("summary", { class: "button" }, "Download"), h("div", { class: "card" },
      forms.map(([form, name]) => h("a", { href: address(form), download: "" }, name)),
      h("p", { class: "small soft" }, "Up to 20,000 rows, 1,000 structures; exfolio export has no limit.")));
  }
}

const numeric = (field) => ["number", "integer"].includes(field.kind);
const shortId = (id) => (id.length > 34 ? `${id.slice(0, 14)}…${id.slice(-16)}` : id);

export function asFilter(state, collection) {
  const parts = [];
  if (state.campaign && collection === "candidates") parts.push(`campaign = "${state.campaign}"`);
  for (const [path, values] of Object.entries(state.choices)) {
    if (values.length) parts.push(values.length === 1 ? `${path} = "${values[0]}"` : `(${values.map((value) => `${path} = "${value}"`).join(" OR ")})`);
  }
  const named = (how) => Object.keys(state.elements).filter((symbol) => state.elements[symbol] === how).map((symbol) => `"${symbol}"`);
  if (named("with").length) parts.push(`elements HAS ALL ${named("with").join(",")}`);
  if (named("without").length) parts.push(`NOT elements HAS ANY ${named("without").join(",")}`);
  for (const [path, [least, most]] of Object.entries(state.ranges)) {
    if (least !== "") parts.push(`${path} >= ${least}`);
    if (most !== "") parts.push(`${path} <= ${most}`);
  }
  parts.push(...state.flags.map((path) => `${path} = TRUE`));
  if (state.filter) parts.push(parts.length ? `(${state.filter})` : state.filter);
  return parts.join(" AND ");
}

function fromAddress() {
  const given = new URLSearchParams(location.search);
  const read = (name, otherwise) => { try { return JSON.parse(given.get(name)) ?? otherwise; } catch { return otherwise; } };
  return {
    campaign: given.get("campaign") ?? "", filter: given.get("filter") ?? "", sort: given.get("sort") ?? "", possible: given.get("possible") === "true",
    columns: (given.get("columns") ?? "").split(",").filter(Boolean), flags: (given.get("only") ?? "").split(",").filter(Boolean),
    choices: read("choices", {}), elements: read("elements", {}), ranges: read("ranges", {}), after: given.get("after") ?? "",
  };
}

function keep(state, { push = false } = {}) {
  const filled = (object, empty) => Object.fromEntries(Object.entries(object).filter(([, value]) => !empty(value)));
  const choices = filled(state.choices, (values) => !values.length);
  const ranges = filled(state.ranges, ([least, most]) => least === "" && most === "");
  const parts = {
    campaign: state.campaign, filter: state.filter, sort: state.sort, possible: state.possible ? "true" : "",
    columns: state.columns.join(","), only: state.flags.join(","), after: state.after,
    choices: Object.keys(choices).length ? JSON.stringify(choices) : "", ranges: Object.keys(ranges).length ? JSON.stringify(ranges) : "",
    elements: Object.keys(state.elements).length ? JSON.stringify(state.elements) : "",
  };
  const query = new URLSearchParams(Object.entries(parts).filter(([, value]) => value));
  const address = `${location.pathname}${query.size ? `?${query}` : ""}`;
  if (push) history.pushState({ paged: true }, "", address);
  else history.replaceState(history.state, "", address);
}
