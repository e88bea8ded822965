// What is looked at on a page by a script: whether its text is legible, whether all that is used has a name.
var canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

function rgba(colour) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
}

// Relative luminance and contrast as https://www.w3.org/TR/WCAG21/#contrast-minimum has them.
function luminance(colour) {
  const linear = colour.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

function ground(element) {
  for (; element; element = element.parentElement) {
    const colour = rgba(getComputedStyle(element).backgroundColor);
    if (colour[3] > 200) return colour;
  }
  return [255, 255, 255];
}

function illegible() {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Set();
  while (walk.nextNode()) {
    const text = walk.currentNode.data.trim();
    const element = walk.currentNode.parentElement;
    if (!text || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest(".viewer, :disabled, svg")) continue;
    const style = getComputedStyle(element);
    const [dark, light] = [luminance(rgba(style.color)), luminance(ground(element))].sort((x, y) => x - y);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < least) found.add(`${element.tagName}.${element.className} ${text.slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return [...found];
}

function nameless() {
  const named = (e) => e.ariaLabel || e.textContent.trim() || e.labels?.length || e.querySelector("img[alt]");
  return [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
    .filter((e) => e.checkVisibility() && !e.closest("[aria-hidden=true]") && !named(e))
    .map((e) => e.outerHTML.slice(0, 120));
}

function focused() {
  const element = document.activeElement;
  return element.ariaLabel || element.textContent.trim().slice(0, 40) || element.id || element.tagName;
}
