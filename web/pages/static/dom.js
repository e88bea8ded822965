// Elements from code: h("a", {href: "/"}, "text"). Text is always text, never markup.
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function show(...content) {
  const main = document.getElementById("main");
  main.replaceChildren(...content.flat(Infinity).filter(Boolean));
}

// What went wrong, in words; lines that are set in, such as a filter with the place of its mistake, keep their columns.
export function fault(error) {
  const parts = error.message.trimEnd().split(/\n(?=\S)/).map((part) => part.split(/\n(?=\s)/));
  return h("div", { class: "error", role: "alert" }, parts.map(([line, ...inner]) => [h("p", {}, line), inner.length ? h("pre", {}, inner.join("\n")) : null]));
}
