// A turning crystal structure, by the viewer of weas-widget as its package has it: it wants a widget's model around it.
import { h } from "./dom.js";
import { ask, idPath } from "./api.js";

const STATE = {
  ready: false, logLevel: "error", atoms: {}, selectedAtomsIndices: [], boundary: [[-0.01, 1.01], [-0.01, 1.01], [-0.01, 1.01]], modelStyle: 1,
  colorBy: "Element", colorType: "VESTA", colorRamp: ["red", "blue"], radiusType: "Covalent", materialType: "Standard", atomLabelType: "None",
  showBondedAtoms: true, showHydrogenBonds: false, showOutBoundaryBonds: false, hideLongBonds: true, atomScales: [], modelSticks: [], modelPolyhedras: [],
  volumetricData: { values: [[[]]] }, fermiData: {}, imageData: "", vectorField: {}, showVectorField: false, currentFrame: 0,
  guiConfig: { enabled: false, controls: { enabled: false, atomsControl: false, colorControl: false, cameraControls: false }, buttons: { enabled: false, fullscreen: false, undo: false, redo: false, download: false, measurement: false } },
  instancedMeshPrimitive: [], anyMesh: [], text: [], viewerStyle: { width: "100%", height: "100%" }, cameraSetting: {}, cameraZoom: 1, cameraPosition: [], cameraLookAt: [], cameraType: "Orthographic",
  js_task: {}, python_task: {}, stateSnapshot: {}, debug: false, speciesSettings: {}, cellSettings: { showCell: true, showAxes: true }, bondSettings: {}, isoSettings: {}, fermiSettings: {}, sliceSettings: {},
  phonon: {}, highlightSettings: {}, measurementSettings: {}, animationState: {}, showAtomLegend: true, continuousUpdate: false,
};

class Model {
  constructor(state) { this.state = { ...structuredClone(STATE), ...state }; this.listeners = {}; }
  get(name) { return this.state[name]; }
  set(name, value) { this.state[name] = value; (this.listeners[`change:${name}`] ?? []).forEach((listener) => listener()); }
  on(event, listener) { (this.listeners[event] ??= []).push(listener); }
  off(event, listener) { this.listeners[event] = (this.listeners[event] ?? []).filter((one) => one !== listener); }
  save_changes() {}
  send() {}
}

let viewer;

// A box with structures, one beside the other by a choice, and buttons for the cell that is drawn; `structures` are
// pairs of a name and the id of the document that has it.
export function structureBox(structures) {
  let [[, id]] = structures;
  let shown = "stored";
  const stage = h("div", { class: "viewer" }, h("div", { class: "wait" }, "…"));
  const cells = [["as stored", "stored"], ["conventional", "conventional"], ["primitive", "primitive"], ["3 × 3", "supercell"]];
  const buttons = cells.map(([name, cell]) => h("button", { type: "button", class: "chip", onclick: () => draw(cell) }, name));
  const told = h("span", { class: "small soft" });

  const files = h("div", { class: "row small" });
  const which = structures.length > 1 ? h("select", { "aria-label": "Which structure", onchange: () => { id = which.value; draw(shown); } }, structures.map(([name, key]) => h("option", { value: key }, name))) : null;

  async function draw(cell) {
    shown = cell;
    files.replaceChildren(...["cif", "poscar"].map((form) => h("a", { href: `/api/v1/documents/${idPath(id)}/structure?format=${form}` }, form.toUpperCase())));
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(cells[i][1] === cell)));
    try {
      const atoms = await ask(`documents/${idPath(id)}/atoms`, { cell });
      viewer ??= (await import("/viewer/widget.js")).default;
      const place = h("div");
      stage.replaceChildren(place);
      viewer.render({ model: new Model({ atoms: asWeas(atoms) }), el: place });
      dress();
      told.textContent = `${atoms.symbols.length} atoms · a ${length(atoms, 0)}, b ${length(atoms, 1)}, c ${length(atoms, 2)} Å`;
    } catch (error) {
      stage.replaceChildren(h("div", { class: "wait" }, error.status ? error.message : "The viewer of structures is not installed here: pip install weas-widget"));
    }
  }

  draw("stored");
  return h("div", {}, which ? h("div", { style: "margin-bottom:.6rem" }, which) : null, stage,
    h("div", { class: "row spread", style: "margin-top:.6rem" }, h("div", { class: "choices" }, buttons), told, files));
}

// The ground of the picture, which the viewer takes from no style; the lines of a cell are black.
function dress() {
  const ground = getComputedStyle(document.documentElement).getPropertyValue("--picture").trim();
  globalThis.editor?.avr?.applyState({ backgroundColor: ground }, { redraw: "full" });
}
new MutationObserver(dress).observe(document.documentElement, { attributeFilter: ["data-theme"] });

const length = (atoms, i) => Math.hypot(...atoms.cell[i]).toFixed(3);

function asWeas(atoms) {
  return { species: Object.fromEntries(atoms.symbols.map((symbol) => [symbol, symbol])), symbols: atoms.symbols, positions: atoms.positions, cell: atoms.cell.flat(), pbc: atoms.pbc, attributes: { atom: {}, species: {} } };
}
