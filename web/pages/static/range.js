// The ends of a number that is searched for: two fields to write in, and a slider with two handles over the usual span.
import { h } from "./dom.js";

// `span` are the least and the most that the slider reaches and its step; at its ends it asks for nothing.
export function rangeField(name, unit, span, ends, changed) {
  const [least, most, step] = span;
  const usual = [least, most];
  const share = (value) => `${(100 * (value - least)) / (most - least)}%`;
  const handles = ["least", "most"].map((end, i) => h("input", { type: "range", min: least, max: most, step, value: ends[i] === "" ? usual[i] : ends[i], "aria-label": `${name}, ${end}` }));
  const fields = ["least", "most"].map((end, i) => h("input", { type: "number", step: "any", value: ends[i], placeholder: end, "aria-label": `${name}, ${end}, as a number` }));
  const slider = h("div", { class: "slider" }, handles);
  const dress = () => handles.forEach((handle, i) => slider.style.setProperty(i ? "--to" : "--from", share(Number(handle.value))));

  handles.forEach((handle, i) => {
    handle.addEventListener("input", () => {
      const [low, high] = handles.map((one) => Number(one.value));
      if (low > high) handle.value = i ? low : high;
      ends[i] = Number(handle.value) === usual[i] ? "" : handle.value;
      fields[i].value = ends[i];
      dress();
    });
    handle.addEventListener("change", changed);
  });
  fields.forEach((field, i) => field.addEventListener("change", () => {
    ends[i] = field.value;
    handles[i].value = field.value === "" ? usual[i] : field.value;
    dress();
    changed();
  }));
  dress();
  return h("fieldset", {}, h("legend", {}, name, h("span", { class: "soft small" }, unit)), slider,
    h("div", { class: "range" }, fields[0], h("span", { class: "soft" }, "to"), fields[1]));
}
