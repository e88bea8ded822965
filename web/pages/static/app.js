// Which page is shown: addresses are real ones, and going back works.
import { fault, h, show } from "./dom.js";
import { ask, idPath } from "./api.js";
import { changesPage } from "./changes.js";
import { documentPage } from "./document.js";
import { funnelPage } from "./funnel.js";
import { mapPage } from "./map.js";
import { searchPage } from "./search.js";
import { statusPage } from "./status.js";

const PAGES = [
  { path: "/", name: "Candidates", open: () => searchPage("candidates") },
  { path: "/materials", name: "Materials", open: () => searchPage("materials") },
  { path: "/compositions", name: "Compositions", open: () => searchPage("compositions") },
  { path: "/funnel", name: "Funnel", open: funnelPage },
  { path: "/map", name: "Map", open: mapPage },
  { path: "/changes", name: "Changes", open: changesPage },
  { path: "/status", name: "Status", open: statusPage },
];

export function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  open();
}

async function open() {
  const { pathname } = location;
  const page = PAGES.find((one) => one.path === pathname);
  document.getElementById("nav").replaceChildren(
    ...PAGES.map((one) => h("a", { href: one.path, "data-link": true, "aria-current": one === page ? "page" : null }, one.name)),
  );
  document.querySelector("#nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  document.title = page ? `${page.name} · exfolio` : "exfolio";
  window.scrollTo(0, 0);
  try {
    if (page) await page.open();
    else if (pathname.startsWith("/d/")) await documentPage(decodeURIComponent(pathname.slice(3)));
    else show(h("div", { class: "card" }, h("h1", {}, "Not here"), h("p", {}, "There is no such page. ", h("a", { href: "/", "data-link": true }, "All candidates"))));
  } catch (error) {
    show(fault(error));
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-link]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});
window.addEventListener("popstate", open);

document.getElementById("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = document.getElementById("find-text").value.trim();
  if (text) go(`/d/${idPath(text)}`);
});

const theme = document.getElementById("theme");
function dress(name) {
  document.documentElement.dataset.theme = name;
  theme.textContent = name === "dark" ? "☀" : "☾";
}
dress(localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
theme.addEventListener("click", () => {
  const name = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", name);
  dress(name);
});

ask("collections").then((rows) => {
  const numbers = Object.fromEntries(rows.map((row) => [row.name, row.documents.toLocaleString("en")]));
  document.getElementById("foot").textContent = `${numbers.materials} known materials · ${numbers.compositions} compositions · ${numbers.structures} structures · ${numbers.candidates} candidates`;
}).catch(() => {});
open();
