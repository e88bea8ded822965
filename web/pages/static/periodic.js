// Elements chosen on a periodic table: one click wants an element, two shut it out, three forget it.
import { h } from "./dom.js";

const MAIN = {
  1: "H:1 He:18", 2: "Li:1 Be:2 B:13 C:14 N:15 O:16 F:17 Ne:18", 3: "Na:1 Mg:2 Al:13 Si:14 P:15 S:16 Cl:17 Ar:18",
  4: "K:1 Ca:2 Sc:3 Ti:4 V:5 Cr:6 Mn:7 Fe:8 Co:9 Ni:10 Cu:11 Zn:12 Ga:13 Ge:14 As:15 Se:16 Br:17 Kr:18",
  5: "Rb:1 Sr:2 Y:3 Zr:4 Nb:5 Mo:6 Tc:7 Ru:8 Rh:9 Pd:10 Ag:11 Cd:12 In:13 Sn:14 Sb:15 Te:16 I:17 Xe:18",
  6: "Cs:1 Ba:2 Hf:4 Ta:5 W:6 Re:7 Os:8 Ir:9 Pt:10 Au:11 Hg:12 Tl:13 Pb:14 Bi:15 Po:16 At:17 Rn:18",
  8: "La:3 Ce:4 Pr:5 Nd:6 Pm:7 Sm:8 Eu:9 Gd:10 Tb:11 Dy:12 Ho:13 Er:14 Tm:15 Yb:16 Lu:17",
  9: "Ac:3 Th:4 Pa:5 U:6 Np:7 Pu:8 Am:9 Cm:10 Bk:11 Cf:12",
};
const NEXT = { "": "with", with: "without", without: "" };
const SAID = { "": "", with: "wanted", without: "shut out" };

export function periodicTable(states, changed) {
  const table = h("div", { class: "periodic", role: "group", "aria-label": "Elements" });
  for (const [row, line] of Object.entries(MAIN)) {
    for (const place of line.split(" ")) {
      const [symbol, column] = place.split(":");
      const button = h("button", { type: "button", style: `grid-row:${row};grid-column:${column}` }, symbol);
      const dress = () => {
        button.dataset.state = states[symbol] ?? "";
        button.setAttribute("aria-label", `${symbol} ${SAID[states[symbol] ?? ""]}`.trim());
      };
      button.addEventListener("click", () => {
        states[symbol] = NEXT[states[symbol] ?? ""];
        if (!states[symbol]) delete states[symbol];
        dress();
        changed();
      });
      dress();
      table.append(button);
    }
  }
  table.append(h("div", { class: "gap", style: "grid-row:7" }));
  return table;
}
