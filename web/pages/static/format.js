// Values as a person reads them: formulas with subscripts, numbers with their interval, verdicts as words.
import { h } from "./dom.js";

// Of what is in water also its state or charge: Mg(OH)2(s), MnO4[-].
export function formula(text) {
  const [, core, state, charge] = String(text ?? "").match(/^(.*?)(\((?:s|aq)\))?(?:\[(\d*[+-])\])?$/);
  const parts = core.split(/([0-9.]+)/).filter(Boolean);
  return h("span", { class: "formula" }, parts.map((part, i) => (i && /^[0-9.]+$/.test(part) ? h("sub", {}, part) : part)),
    state ?? null, charge ? h("sup", {}, minus(charge)) : null);
}

export function number(value) {
  if (typeof value !== "number") return "";
  if (Number.isInteger(value)) return value.toLocaleString("en").replace("-", "−");
  const size = Math.abs(value);
  return size >= 1e5 || size < 5e-5 ? minus(value.toExponential(1)) : fixed(value, digits(size));
}

const digits = (size) => (size >= 100 ? 1 : size >= 10 ? 2 : size >= 5e-4 ? 3 : 4);
export const minus = (text) => text.replaceAll("-", "−");

// A number with so many decimals; zero has no sign.
export const fixed = (value, decimals) => minus(value.toFixed(decimals).replace(/^-(0(\.0*)?)$/, "$1"));

// A number as somebody wrote it, such as a threshold.
export const written = (value) => minus(String(value));

// A space group as it is printed: P−6m2 with a bar over the 6, P6_3/mmc with its screw axis below.
export function spaceGroup(symbol) {
  const parts = String(symbol ?? "").split(/(-\d|_\d)/);
  return h("span", { "aria-label": symbol }, parts.map((part) => (part.startsWith("-") ? h("span", { class: "bar-over" }, part.slice(1)) : part.startsWith("_") ? h("sub", {}, part.slice(1)) : part)));
}

// A field as people call it.
export const fieldName = (path) => NAMES[path] ?? words(path).replaceAll(".", " ");

// A condition of a gate in words: `energy above hull ≤ 0.2`, `new` for what has to be so; of the gate's name nothing again.
export function condition(field, text, gate = "") {
  const name = fieldName(field);
  if (name === gate) return { yes: "has to be so", no: "must not be so" }[text] ?? compared(text);
  if (text === "yes") return `has to be ${name}`;
  if (text === "no") return `must not be ${name}`;
  return `${name} ${compared(text)}`;
}

export const compared = (text) => String(text).replace("<=", "≤").replace(">=", "≥").replaceAll("-", "−");
const NAMES = { formula: "formula of the cell", chemsys: "chemical system", nelements: "number of elements", hse_band_gap: "HSE band gap", pourbaix_energy: "Pourbaix energy", p_2d: "P(2D)", nsites: "atoms", status: "verdict", "space_group.symbol": "space group", novelty_class: "how new", route: "made by", formula_reduced: "formula", all_metals: "of metals alone", novel: "new to these sources", valid: "a sound structure", electronegativity_balanced: "balanced in electronegativity" };

// A value that may be an interval: `0.12 (0.06 to 0.17)`, `≥ 0.05`, `≤ 0.15`.
export function interval(value, low, high) {
  const open = { low: low === null || low === undefined, high: high === null || high === undefined };
  if (value === null || value === undefined) return h("span", { class: "soft" }, "not known");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  const alone = (text) => [text, h("span", { class: "between" })];
  if (open.low && open.high) return alone(number(value));
  if (open.high) return alone(`≥ ${number(low)}`);
  if (open.low) return alone(`≤ ${number(high)}`);
  if (low === high) return alone(number(value));
  const sizes = [value, low, high].map(Math.abs);  // all three with the decimals that suit the largest
  const [middle, least, most] = [value, low, high].map((one) => fixed(one, digits(Math.max(...sizes))));
  return [middle, " ", h("span", { class: "between" }, `${least} to ${most}`)];
}

export const at = (doc, path) => path.split(".").reduce((here, part) => (here === null || here === undefined ? undefined : here[part]), doc);

// A cell of a table: the value of a field of a document, by what kind of field it is.
export function cell(doc, field) {
  const value = at(doc, field.path);
  if (field.path === "formula_reduced") return formula(doc.formula_shown ?? value);
  if (field.path === "space_group.symbol" && value) return spaceGroup(value);
  if (["status", "verdict"].includes(field.path) && value) return tag(value);
  if (value === null || value === undefined || value === "") return h("span", { class: "soft" }, "–");
  if (field.low) return interval(value, at(doc, field.low), at(doc, field.high));
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return number(value);
  if (Array.isArray(value)) return value.every((one) => typeof one !== "object") ? value.join(", ") : `${value.length}`;
  if (typeof value === "object") return h("code", {}, JSON.stringify(value).slice(0, 60));
  return String(value);
}

export const tag = (word) => h("span", { class: `tag ${word}` }, word);
export const plural = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
export const words = (text) => String(text).replaceAll("_", " ");
export const day = (moment) => (moment ? moment.replace("T", " ").replace("Z", " UTC") : "never");
