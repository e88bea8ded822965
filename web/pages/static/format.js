// Values as a person reads them: formulas with subscripts, numbers with their interval, verdicts as words.
import { h } from "./dom.js";

export function formula(text) {
  const parts = String(text ?? "").split(/([0-9.]+)/).filter(Boolean);
  return h("span", { class: "formula" }, parts.map((part, i) => (i && /^[0-9.]+$/.test(part) ? h("sub", {}, part) : part)));
}

export function number(value) {
  if (typeof value !== "number") return "";
  if (Number.isInteger(value)) return value.toLocaleString("en").replace("-", "−");
  const size = Math.abs(value);
  const digits = size >= 100 ? 1 : size >= 10 ? 2 : size >= 5e-4 ? 3 : 4;
  return (size >= 1e5 || size < 5e-5 ? value.toExponential(1) : value.toFixed(digits)).replaceAll("-", "−");
}

// A space group as it is printed: P−6m2 with a bar over the 6, P6_3/mmc with its screw axis below.
export function spaceGroup(symbol) {
  const parts = String(symbol ?? "").split(/(-\d|_\d)/);
  return h("span", { "aria-label": symbol }, parts.map((part) => (part.startsWith("-") ? h("span", { class: "bar-over" }, part.slice(1)) : part.startsWith("_") ? h("sub", {}, part.slice(1)) : part)));
}

// A condition of a gate in words: `energy above hull ≤ 0.2`, `new` for what has to be so.
export function condition(field, text) {
  const name = NAMES[field] ?? words(field);
  if (text === "yes") return `has to be ${name}`;
  if (text === "no") return `must not be ${name}`;
  return `${name} ${compared(text)}`;
}

export const compared = (text) => String(text).replace("<=", "≤").replace(">=", "≥").replaceAll("-", "−");
export const NAMES = { p_2d: "P(2D)", all_metals: "of metals alone", novel: "new to these sources", valid: "a sound structure", electronegativity_balanced: "balanced in electronegativity" };

// A value that may be an interval: `0.12 (0.06 to 0.17)`, `≥ 0.05`, `≤ 0.15`.
export function interval(value, low, high) {
  const open = { low: low === null || low === undefined, high: high === null || high === undefined };
  if (value === null || value === undefined) return h("span", { class: "soft" }, "not known");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  if (open.low && open.high) return number(value);
  if (open.high) return `≥ ${number(low)}`;
  if (open.low) return `≤ ${number(high)}`;
  if (low === high) return number(value);
  return [number(value), " ", h("span", { class: "between" }, `${number(low)} to ${number(high)}`)];
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
