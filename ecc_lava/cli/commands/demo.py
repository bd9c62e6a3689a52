"""`ecc-lava demo`: do the main job on an embedded model and its data."""

from __future__ import annotations

import io
import json as json_module
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ecc_lava.analysis import CheckReport, check
from ecc_lava.backends import agreement, largest_logit, simulate
from ecc_lava.cli.files import import_model, make_folder
from ecc_lava.cli.options import Json
from ecc_lava.cli.show.output import as_percent, emit_json, provenance, show_lines, show_table
from ecc_lava.cli.show.progress import stages
from ecc_lava.common import Progress, check_writable, first_output, write_bytes
from ecc_lava.conversion import convert
from ecc_lava.demo import MODEL, calibration_images, draw, test_images
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph, forward
from ecc_lava.inputs import digest
from ecc_lava.quantisation import quantise
from ecc_lava.storage import save

__all__ = ["command"]

TIMESTEPS = 32
BITS = 8
PAYLOAD_BITS = 8
"""Of the graded spikes that the table shows beside the binary ones, at T=1."""
EXACT_IMAGES = 8
"""Images compared bit for bit on golden and Lava."""

NETWORK, MAPPING, PICTURE, REPORT, IMAGES = "network.h5", "mapping.json", "picture.png", "report.json", "images.npz"
FILES = (NETWORK, MAPPING, PICTURE, REPORT, IMAGES)


Out = Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder for the network, the mapping, the images and the picture.")]


def command(out: Out = Path("ecc-lava-demo"), json: Json = False) -> None:
    """Convert, map, check, draw; write the files and print the table."""
    started = time.perf_counter()
    _claim(out)
    with stages() as stage:
        report, facts = _work(out, stage)
    facts["seconds"] = round(time.perf_counter() - started, 2)
    write_bytes(out / REPORT, json_module.dumps(provenance(**facts), indent=1).encode())
    if json:
        emit_json(provenance(**facts))
        return
    _show(out, report, facts)


def _claim(out: Path) -> None:
    """Make the output folder, or take over a folder that holds nothing but an earlier demo's files."""
    if out.is_dir():
        foreign = sorted(p.name for p in out.iterdir() if p.name not in FILES)
        if foreign:
            raise InvalidInput(f"{out}: holds other files ({', '.join(foreign[:3])}); give an empty or new folder with --out")
    make_folder(out)
    for name in FILES:
        check_writable(out / name)


def _work(out: Path, stage: Progress) -> tuple[CheckReport, dict[str, Any]]:
    import hw_mappings

    stage("importing the Keras model", 0, 0)
    graph = import_model(MODEL)
    calibration, test = calibration_images(), test_images()
    stage("importing the Keras model", 1, 1)
    snn = convert(graph, calibration=calibration.x, timesteps=TIMESTEPS, progress=stage)
    network = quantise(snn, bits=BITS)
    mapping = hw_mappings.map_network(network, chip=hw_mappings.LOIHI2)
    report = check(network, test.x, snn=snn, graph=graph, labels=test.y, exact_images=EXACT_IMAGES, progress=stage)
    assert test.y is not None
    assert report.ann_accuracy is not None
    graded = _graded(graph, stage)
    stage("drawing", 0, 0)
    picture = draw(network, np.asarray(test.x), test.y, report.ann_accuracy)
    save(out / NETWORK, network, snn=snn, graph=graph, calibration={"digest": digest(calibration.x), "seed": 0, "timesteps": TIMESTEPS})
    mapping.save(out / MAPPING)
    write_bytes(out / PICTURE, picture)
    write_bytes(out / IMAGES, _archive(x_train=calibration.x, x_test=test.x, y_test=test.y))
    checked = report.as_dict()
    return report, {
        "ann_accuracy": report.ann_accuracy,
        "closed_form_accuracy": report.closed_form_accuracy,
        "float_accuracy": report.float_accuracy,
        "integer_accuracy": report.integer_accuracy,
        "agreement": report.agreement,
        "graded": graded,
        "images": report.images,
        "timesteps": TIMESTEPS,
        "bits": BITS,
        "lava_vs_fast": checked["lava_vs_fast"],
        "golden_vs_fast": checked["golden_vs_fast"],
        "cores": len(mapping.cores),
        "chip": mapping.chip.name,
        "network_digest": network.digest,
        "data_digest": digest(test.x),
    }


def _archive(**arrays: Any) -> bytes:
    """Return arrays as a .npz file, which `run`, `convert` and the others read."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _graded(graph: Graph, stage: Progress) -> dict[str, Any]:
    """Return what the same CNN gives with graded spikes in one timestep."""
    test = test_images()
    snn = convert(graph, calibration=calibration_images().x, payload_bits=PAYLOAD_BITS, progress=stage)
    result = simulate(quantise(snn, bits=BITS), test.x)
    return {
        "payload_bits": PAYLOAD_BITS,
        "timesteps": result.timesteps,
        "integer_accuracy": float((first_output(result.predictions) == test.y).mean()),
        "agreement": agreement(result.predictions, largest_logit(forward(graph, test.x))),
        "graded_synops_per_image": float(result.graded_synops.mean()),
    }


def _show(out: Path, report: CheckReport, facts: dict[str, Any]) -> None:
    lava, graded = report.lava_vs_fast, facts["graded"]
    rows = [
        ("ANN (Keras CNN), accuracy", as_percent(report.ann_accuracy)),
        (f"ECC closed form at T={TIMESTEPS}", as_percent(report.closed_form_accuracy)),
        (f"float network, {TIMESTEPS} timesteps", as_percent(report.float_accuracy)),
        (f"integer network, {BITS}-bit weights", as_percent(report.integer_accuracy)),
        ("agreement with the ANN", as_percent(report.agreement)),
        (f"graded spikes of {PAYLOAD_BITS} bits, {graded['timesteps']} timestep", as_percent(graded["integer_accuracy"])),
        ("their agreement with the ANN", as_percent(graded["agreement"])),
        (f"cores of one {facts['chip']} chip", str(facts["cores"])),
        ("golden against fast", _differences(report.golden_vs_fast)),
        ("Lava against fast", "not run: Lava is not installed" if lava is None else _differences(lava)),
        ("synops per image", f"{report.synops_per_image:,.0f}"),
        ("graded synops per image in their place", f"{graded['graded_synops_per_image']:,.0f}"),
        ("seconds", f"{facts['seconds']:.1f}"),
    ]
    show_table(f"A digits CNN on {report.images} test images", ("", "result"), rows)
    show_lines(
        "written: " + ", ".join(str(out / name) for name in FILES),
        f"next: ecc-lava run {out / NETWORK} --data {out / IMAGES}, or convert a model of your own: ecc-lava convert --help",
    )


def _differences(found: Any) -> str:
    return f"{found.differing_spikes} spikes, {found.differing_potentials} potentials differ ({found.images} images)"
