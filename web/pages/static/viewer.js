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

let widget;
const stages = new Set();

// A box with structures and buttons for the cell that is drawn; `structures` are pairs of a name and the id of the
// document that has it. Of a layer several cells are shown at first. Where there are several, the first and the last stand side by side, on a phone the first alone; any can be chosen.
export function structureBox(structures, layer) {
  const pair = structures.length > 1 ? [structures[0], structures.at(-1)] : null;
  const boxes = [];
  const row = h("div", { class: "beside" });
  let cell = layer ? "supercell" : "stored";
  const cells = [["as stored", "stored"], ["conventional", "conventional"], ["primitive", "primitive"], ["3 × 3", "supercell"]];
  const buttons = cells.map(([name, value]) => h("button", { type: "button", class: "chip", onclick: () => draw(value) }, name));

  function draw(value) {
    cell = value;
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(cells[i][1] === cell)));
    boxes.forEach((box) => box.draw(cell));
  }

  function choice() {
    if (!pair) return null;
    const options = [h("option", { value: "beside" }, `${pair[0][0]} beside ${pair[1][0]}`), ...structures.map(([name], i) => h("option", { value: i }, name))];
    const select = h("select", { "aria-label": "Which structure", onchange: () => put(select.value === "beside" ? pair : [structures[Number(select.value)]]) }, options);
    if (!wide) select.value = "0";
    return h("div", { style: "margin-bottom:.6rem" }, select);
  }

  function put(shown) {
    boxes.splice(0).forEach((box) => box.close());
    boxes.push(...shown.map((one) => new Stage(one, shown.length > 1)));
    row.replaceChildren(...boxes.map((box) => box.element));
    draw(cell);
  }

  const wide = matchMedia("(min-width: 60rem)").matches;
  put(pair && wide ? pair : [structures[0]]);
  return h("div", {}, choice(), row, h("div", { class: "choices", style: "margin-top:.6rem" }, buttons));
}

// One structure that turns, with the size of its cell and its files below.
class Stage {
  constructor([name, id], named = false) {
    this.id = id;
    this.place = h("div", { class: "viewer", role: "img", "aria-label": `Structure, ${name}` }, h("div", { class: "wait" }, "…"));
    this.told = h("span", { class: "small soft" });
    const files = ["cif", "poscar"].map((form) => h("a", { href: `/api/v1/documents/${idPath(id)}/structure?format=${form}` }, form.toUpperCase()));
    this.element = h("figure", {}, named ? h("figcaption", { class: "small soft" }, name) : null, this.place,
      h("div", { class: "row spread", style: "margin-top:.5rem" }, this.told, h("span", { class: "row small" }, files)));
    stages.add(this);
  }

  async draw(cell) {
    try {
      const atoms = await ask(`documents/${idPath(this.id)}/atoms`, { cell });
      widget ??= (await import("/viewer/widget.js")).default;
      const ground = h("div");
      this.place.replaceChildren(ground);
      widget.render({ model: new Model({ atoms: asWeas(atoms), cameraSetting: { direction: VIEW } }), el: ground });
      this.editor = globalThis.editor;
      this.dress();
      this.told.textContent = `${atoms.symbols.length} atoms · a ${length(atoms, 0)}, b ${length(atoms, 1)}, c ${length(atoms, 2)} Å`;
    } catch (error) {
      this.place.replaceChildren(h("div", { class: "wait" }, error.status ? error.message : "The viewer of structures is not installed here: pip install weas-widget"));
    }
  }

  // The ground of the picture, which the viewer takes from no style; the lines of a cell are black.
  dress() {
    const ground = getComputedStyle(document.documentElement).getPropertyValue("--picture").trim();
    this.editor?.avr?.applyState({ backgroundColor: ground }, { redraw: "full" });
  }

  close() {
    stages.delete(this);
  }
}

// From above and somewhat from the side, so that the thickness of a layer is seen.
const VIEW = [0.25, -0.9, 1.6];

new MutationObserver(() => stages.forEach((stage) => (stage.place.isConnected ? stage.dress() : stage.close()))).observe(document.documentElement, { attributeFilter: ["data-theme"] });

const length = (atoms, i) => Math.hypot(...atoms.cell[i]).toFixed(3);

function asWeas(atoms) {
  return { species: Object.fromEntries(atoms.symbols.map((symbol) => [symbol, symbol])), symbols: atoms.symbols, positions: atoms.positions, cell: atoms.cell.flat(), pbc: atoms.pbc, attributes: { atom: {}, species: {} } };
}
