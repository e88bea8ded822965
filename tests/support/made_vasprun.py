"""A small vasprun.xml, of Fe2O3 or anything else, as VASP writes one, with any tag, step and eigenvalue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

VALENCE = {"Li": 1.0, "Fe": 8.0, "O": 6.0, "Si": 4.0, "Mo": 6.0, "S": 6.0, "Cu": 11.0, "H": 1.0, "Gd": 18.0}
POTCARS = {"Fe": "Fe_pv", "Li": "Li_sv", "Mo": "Mo_pv", "Cu": "Cu_pv"}
"""Names of POTCARs that are not their element's."""

CORUNDUM = (
    ((4.33, 0.0, 3.21), (-2.16, 3.75, 3.21), (-2.16, -3.75, 3.21)),
    ("Fe", "Fe", "Fe", "Fe", "O", "O", "O", "O", "O", "O"),
    (
        *((0.105, 0.105, 0.105), (0.395, 0.395, 0.395), (0.605, 0.605, 0.605), (0.895, 0.895, 0.895)),
        *((0.194, 0.806, 0.5), (0.806, 0.5, 0.194), (0.5, 0.194, 0.806)),
        *((0.306, 0.694, 0.0), (0.694, 0.0, 0.306), (0.0, 0.306, 0.694)),
    ),
)
AS_MATERIALS_PROJECT = {
    "PREC": "Accurate",
    "ALGO": "Fast",
    "ISPIN": 2,
    "NELM": 100,
    "IBRION": 2,
    "EDIFF": 5e-4,
    "NSW": 99,
    "ISIF": 3,
    "ENCUT": 520.0,
    "ISMEAR": -5,
    "SIGMA": 0.05,
    "LREAL": "Auto",
    "LWAVE": False,
    "EDIFFG": -0.02,
    "LDAU": True,
    "LDAUTYPE": [2],
    "LDAUL": [2, 0],
    "LDAUU": [5.3, 0.0],
    "LDAUJ": [0.0, 0.0],
}
PLAIN = {"NUPDOWN": -1.0, "LSORBIT": False, "PSTRESS": 0.0, "EFIELD": 0.0, "IALGO": 38, "LHFCALC": False}
"""What VASP states where the INCAR says nothing."""
STATED_AS = {"ENCUT": "ENMAX"}


@dataclass
class Step:
    """An ionic step; `free` is e_fr_energy, `electronic` the same of its electronic steps."""

    free: float = -66.0
    electronic: Sequence[float] | None = None
    force: float = 0.001
    stress: float = 0.0
    entropy: float = 0.0
    stated_e_0: float | None = None


@dataclass
class MadeRun:
    """A run to be written down.

    Attributes
    ----------
    tags
        Changes to `AS_MATERIALS_PROJECT`; None takes a tag away.
    taken
        What VASP states beside it.
    bands
        By spin, eigenvalue and occupation: (k-points, bands, 2).
    generation
        Element that says how the k-points were made, where it is not the mesh; "" leaves it out.
    held
        Atoms that selective dynamics hold, by number from 0; VASP says so of the initial structure alone.
    """

    tags: Mapping[str, object] = field(default_factory=dict)
    taken: Mapping[str, object] = field(default_factory=dict)
    steps: Sequence[Step] = (Step(-65.99), Step(-66.0))
    crystal: tuple[Sequence[Sequence[float]], Sequence[str], Sequence[Sequence[float]]] = CORUNDUM
    potcar: str = "PAW_PBE"
    mesh: Sequence[int] = (6, 6, 6)
    bands: Sequence[Sequence[Sequence[tuple[float, float]]]] = ()
    version: str = "6.4.2"
    electrons: float | None = None
    generation: str | None = None
    held: Sequence[int] = ()

    def xml(self) -> bytes:
        """Text of the file."""
        incar = {tag: value for tag, value in {**AS_MATERIALS_PROJECT, **self.tags}.items() if value is not None}
        runs = [(symbol, len(list(atoms))) for symbol, atoms in groupby(self.crystal[1])]
        neutral = sum(VALENCE[symbol] for symbol in self.crystal[1])
        electrons = self.electrons if self.electrons is not None else incar.get("NELECT", neutral)
        taken = {STATED_AS.get(tag, tag): value for tag, value in incar.items()}
        parameters = {**PLAIN, **taken, "NELECT": electrons, **self.taken}
        parts = [
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>',
            f'<generator><i name="program" type="string">vasp</i><i name="version" type="string">{self.version}</i>'
            "</generator>",
            f"<incar>{''.join(_tag(*item) for item in incar.items())}</incar>",
            self._kpoints(),
            f"<parameters>{''.join(_tag(*item) for item in parameters.items())}</parameters>",
            self._atoms(runs),
            self._structure("initialpos"),
            *(self._calculation(step, last=step is self.steps[-1]) for step in self.steps),
            self._structure("finalpos"),
            "</modeling>\n",
        ]
        return "\n".join(parts).encode("latin-1")

    def _kpoints(self) -> str:
        count = len(self.bands[0]) if self.bands else 2
        points = "".join(f"<v>{index / (2 * count):.6f} 0.0 0.0</v>" for index in range(count))
        weights = "".join(f"<v>{1 / count:.8f}</v>" for _ in range(count))
        divisions = " ".join(map(str, self.mesh))
        of_mesh = (
            f'<generation param="Gamma"><v type="int" name="divisions">{divisions}</v>'
            '<v name="usershift">0.0 0.0 0.0</v></generation>'
        )
        return (
            f"<kpoints>{of_mesh if self.generation is None else self.generation}"
            f'<varray name="kpointlist">{points}</varray><varray name="weights">{weights}</varray></kpoints>'
        )

    def _atoms(self, runs: Sequence[tuple[str, int]]) -> str:
        atoms = "".join(f"<rc><c>{el}</c><c>{n}</c></rc>" * count for n, (el, count) in enumerate(runs, 1))
        types = "".join(
            f"<rc><c>{count}</c><c>{el}</c><c>1.0</c><c>{VALENCE[el]}</c>"
            f"<c>{self.potcar} {POTCARS.get(el, el)} 06Sep2000</c></rc>"
            for el, count in runs
        )
        return (
            f"<atominfo><atoms>{len(self.crystal[1])}</atoms><types>{len(runs)}</types>"
            f'<array name="atoms"><field type="string">element</field><set>{atoms}</set></array>'
            f'<array name="atomtypes"><field type="int">atomspertype</field><set>{types}</set></array></atominfo>'
        )

    def _structure(self, name: str | None) -> str:
        basis, _, positions = self.crystal
        named = f' name="{name}"' if name else ""
        return (
            f'<structure{named}><crystal><varray name="basis">{_rows(basis)}</varray></crystal>'
            f'<varray name="positions">{_rows(positions)}</varray>'
            f"{self._selective() if name == 'initialpos' and self.held else ''}</structure>"
        )

    def _selective(self) -> str:
        rows = "".join(f"<v> {' '.join('FFF' if n in self.held else 'TTT')} </v>" for n in range(len(self.crystal[1])))
        return f'<varray name="selective" type="logical">{rows}</varray>'

    def _calculation(self, step: Step, *, last: bool) -> str:
        electronic = step.electronic or (step.free + 1e-5, step.free)
        scsteps = "".join(f"<scstep>{_energy(free, step.entropy)}</scstep>" for free in electronic)
        forces = _rows([(step.force, 0.0, 0.0)] * len(self.crystal[1]))
        stress = _rows([(step.stress, 0, 0), (0, step.stress, 0), (0, 0, step.stress)])
        return (
            f"<calculation>{scsteps}{self._structure(None)}"
            f'<varray name="forces">{forces}</varray><varray name="stress">{stress}</varray>'
            f"{_energy(step.free, step.entropy, step.stated_e_0)}{self._eigenvalues() if last else ''}</calculation>"
        )

    def _eigenvalues(self) -> str:
        if not self.bands:
            return ""
        spins = "".join(
            f'<set comment="spin {number}">'
            + "".join(f'<set comment="kpoint {k}">{_rows(levels, "r")}</set>' for k, levels in enumerate(points, 1))
            + "</set>"
            for number, points in enumerate(self.bands, 1)
        )
        return f"<eigenvalues><array><field>eigene</field><field>occ</field><set>{spins}</set></array></eigenvalues>"


def bands(filled: Sequence[float], empty: Sequence[float], *, k_points: int = 2) -> list[list[tuple[float, float]]]:
    """Flat bands of one spin: the same levels, full and empty, at each k-point."""
    return [[*((level, 1.0) for level in filled), *((level, 0.0) for level in empty)] for _ in range(k_points)]


def _rows(rows: Sequence[Sequence[float]], tag: str = "v") -> str:
    return "".join(f"<{tag}>{' '.join(f'{value:.8f}' for value in row)}</{tag}>" for row in rows)


def _energy(free: float, entropy: float, stated_e_0: float | None = None) -> str:
    extrapolated = free + entropy / 2 if stated_e_0 is None else stated_e_0
    return (
        f'<energy><i name="e_fr_energy">{free:.8f}</i><i name="e_wo_entrp">{free + entropy:.8f}</i>'
        f'<i name="e_0_energy">{extrapolated:.8f}</i></energy>'
    )


def _tag(name: str, value: object) -> str:
    values = value if isinstance(value, list) else [value]
    kinds = {bool: ' type="logical"', int: ' type="int"', str: ' type="string"'}
    text = " ".join("T" if item is True else "F" if item is False else str(item) for item in values)
    element = "v" if isinstance(value, list) else "i"
    return f'<{element}{kinds.get(type(values[0]), "")} name="{name}">{text}</{element}>'
