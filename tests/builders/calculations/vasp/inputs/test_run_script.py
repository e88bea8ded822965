"""The script beside the folders runs a candidate's calculations in order; a small program stands for VASP."""

import subprocess
from pathlib import Path

from exfolio.builders.calculations.vasp.inputs.input_export import export_vasp
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate
from small_registry import put
from waiting_layer import CAMPAIGN, HULL, LAYER, candidate, folder_of


def test_the_script_runs_each_calculation_from_the_structure_of_the_one_before(
    waiting: Connection, tmp_path: Path
) -> None:
    done = export_vasp(waiting, CAMPAIGN, tmp_path / "out")
    relax = tmp_path / "out" / folder_of(done, "PBE-relax")
    for folder in relax.parent.iterdir():
        if folder.is_dir():
            (folder / "POTCAR").write_text("PAW")
    vasp = tmp_path / "vasp"  # stands for VASP: says that it converged, and gives the structure it had a new first line
    vasp.write_text('#!/bin/sh\necho "reached required accuracy" > OUTCAR\n(echo moved; tail -n +2 POSCAR) > CONTCAR\n')
    vasp.chmod(0o755)

    ran = subprocess.run(
        ["sh", relax.parent / "run.sh"],
        env={"VASP": str(vasp), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["PBE-relax", "optB88-vdW-relax", "PBE-static", "optB88-vdW-static"]
    assert (relax.parent / "PBE-static" / "POSCAR").read_text().startswith("moved")
    assert not (relax / "POSCAR").read_text().startswith("moved")


def test_the_script_makes_the_orbitals_that_a_hybrid_run_starts_from(waiting: Connection, tmp_path: Path) -> None:
    put(waiting, Candidate, [candidate(LAYER, "MoS2", ("band_gap",))])
    done = export_vasp(waiting, CAMPAIGN, tmp_path / "out")
    hybrid = tmp_path / "out" / folder_of(done, "HSE06-static")
    for folder in ("PBE-relax", "HSE06-static"):
        (hybrid.parent / folder / "POTCAR").write_text("PAW")
    vasp = tmp_path / "vasp"  # stands for VASP: says what it started from, and leaves what VASP does
    vasp.write_text(
        "#!/bin/sh\nif [ -e WAVECAR ]; then echo started from orbitals; fi\n"
        "grep -q LHFCALC INCAR || echo orbitals > WAVECAR\ncp POSCAR CONTCAR\ntouch vasprun.xml\n"
        'echo "reached required accuracy, EDIFF is reached" > OUTCAR\n'
    )
    vasp.chmod(0o755)
    command = ["sh", str(hybrid.parent / "run.sh")]

    ran = subprocess.run(command, env={"VASP": str(vasp), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["PBE-relax", "HSE06-static (PBE)", "HSE06-static"]
    assert (hybrid / "vasp.out").read_text() == "started from orbitals\n"
    assert [path.parent for path in sorted(hybrid.rglob("vasprun.xml"))] == [hybrid], "the PBE run is no result"


def test_the_script_stops_where_vasp_has_relaxed_the_vacuum(waiting: Connection, tmp_path: Path) -> None:
    put(waiting, Candidate, [candidate(LAYER, "MoS2", HULL)])
    done = export_vasp(waiting, CAMPAIGN, tmp_path / "out")
    relax = tmp_path / "out" / folder_of(done, "PBE-relax")
    for folder in ("PBE-relax", "PBE-static"):
        (relax.parent / folder / "POTCAR").write_text("PAW")
    vasp = tmp_path / "vasp"  # one before 6.5, which does not know LATTICE_CONSTRAINTS
    vasp.write_text(
        '#!/bin/sh\necho "reached required accuracy" > OUTCAR\n'
        "awk 'NR == 5 { $3 = $3 - 2 } { print }' POSCAR > CONTCAR\n"
    )
    vasp.chmod(0o755)
    command = ["sh", str(relax.parent / "run.sh")]

    ran = subprocess.run(command, env={"VASP": str(vasp), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True)

    assert ran.returncode == 1
    assert "PBE-relax: the vacuum was relaxed" in ran.stderr
    assert not (relax.parent / "PBE-static" / "OUTCAR").exists()
