"""`ecc-lava stream`, and `run` and `check` of the streams that it makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ecc_lava
from ecc_lava.demo.data import MODEL
from tests.helpers.program import DATA, FAILED, LAVA, OK, Call, in_process_of_its_own, one_message


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's model with payloads of 8 bits, T = 1."""
    path = tmp_path_factory.mktemp("graded") / "net.h5"
    outcome = in_process_of_its_own("convert", MODEL, "--calibration", DATA, "-o", path, "--payload-bits", 8, "--json")
    assert outcome.code == OK, outcome.err
    return path


@pytest.fixture(scope="module")
def stream(graded: Path) -> Path:
    path = graded.parent / "stream.h5"
    outcome = in_process_of_its_own("stream", graded, "-o", path, "--json")
    assert outcome.code == OK, outcome.err
    return path


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sequences of digits, each shown for 3 frames while a pixel changes."""
    with np.load(DATA) as archive:
        x, y = archive["x_test"][:12].reshape(4, 3, 8, 8, 1), archive["y_test"][:12].reshape(4, 3)
    moving = x.repeat(3, axis=1)
    moving[:, 1::3, 0, 0] = 9
    path = tmp_path_factory.mktemp("frames") / "frames.npz"
    np.savez(path, x_test=moving, y_test=y.repeat(3, axis=1), x_train=moving, y_train=y.repeat(3, axis=1))
    return path


def test_a_stream_runs_as_its_network_does(graded: Path, stream: Path, frames: Path, call: Call, tmp_path: Path) -> None:
    out = tmp_path / "out.npz"
    outcome = call("run", stream, "--data", frames, "--predictions", out, "--json")
    assert outcome.code == OK, outcome.err
    facts = outcome.json
    assert (facts["sequences"], facts["frames"], facts["images"], facts["timesteps"]) == (4, 9, 36, 1)
    network = ecc_lava.load(graded)[0]
    with np.load(frames) as archive, np.load(out) as written:
        alone = ecc_lava.simulate(network, archive["x_test"].reshape(36, 8, 8, 1))
        np.testing.assert_array_equal(written["logits"].reshape(36, -1), alone.logits)
        assert facts["accuracy"] == (alone.predictions == archive["y_test"].ravel()).mean()
    assert facts["graded_synops_per_image"] < 0.6 * alone.graded_synops.mean()
    assert facts["latency_steps"] == 1 + network.depth
    table = call("run", stream, "--data", frames, "--limit", 2).out
    assert "sequences" in table and "graded synops per image" in table


def test_back_ends_of_a_stream_print_the_same(stream: Path, frames: Path, call: Call) -> None:
    fast, golden = (call("run", stream, "--data", frames, "--backend", b, "--json").json for b in ("fast", "golden"))
    assert {k: v for k, v in fast.items() if k not in ("backend", "seconds")} == {
        k: v for k, v in golden.items() if k not in ("backend", "seconds")
    }


def test_check_of_a_stream(stream: Path, frames: Path, call: Call, tmp_path: Path, without_lava: None) -> None:
    outcome = call("check", stream, "--data", frames, "--json")
    assert outcome.code == OK, outcome.err
    facts = outcome.json
    assert facts["ok"] and not facts["failures"]
    assert (facts["sequences"], facts["frames"], facts["differing_outputs"], facts["error"], facts["agreement"]) == (4, 9, 0, 0.0, 1.0)
    assert facts["lava_vs_fast"] is None and facts["golden_vs_fast"]["differing_spikes"] == 0
    assert facts["cnn_agreement"] == facts["cnn_agreement_frame_by_frame"]
    assert facts["events"] < 0.7
    assert facts["events_by_frame"][0] > 2 * facts["events_by_frame"][1]
    table = call("check", stream, "--data", frames, "--picture", tmp_path / "stream.png").out
    assert (tmp_path / "stream.png").read_bytes().startswith(b"\x89PNG")
    assert "every check passed" in table and "golden against fast" in table


def test_thresholds_given_and_chosen(graded: Path, frames: Path, call: Call, tmp_path: Path, without_lava: None) -> None:
    coarse, chosen = tmp_path / "coarse.h5", tmp_path / "chosen.h5"
    name = ecc_lava.load(graded)[0].input.name
    made = call("stream", graded, "-o", coarse, "--threshold", f"{name}=64", "--json").json
    assert made["thresholds"][name] == 64 and set(made["thresholds"].values()) == {1, 64} and made["chosen"] is None
    assert ecc_lava.load(coarse)[0].input.theta == 64
    failed = call("check", coarse, "--data", frames, "--max-error", 0.001)
    assert failed.code == FAILED
    assert "FAILED: RMS error against the network frame by frame is" in failed.out
    found = call("stream", graded, "-o", chosen, "--data", frames, "--max-error", 0.05, "--json").json
    assert found["chosen"]["error"] <= 0.05
    report = call("check", chosen, "--data", frames, "--max-error", 0.05, "--json")
    assert report.code == OK
    assert (report.json["error"], report.json["events"]) == pytest.approx((found["chosen"]["error"], found["chosen"]["events"]))
    table = call("stream", graded, "-o", chosen, "--data", frames, "--max-events", 0.4, "--limit", 2)
    assert table.code == OK and "of the synops" in table.out


def test_map_and_deploy(stream: Path, frames: Path, call: Call, tmp_path: Path) -> None:
    """`map` counts the events of a mean frame as `run` does; a deployment equals `fast`, on given sequences and on random ones."""
    mapping, page = tmp_path / "m.json", tmp_path / "page.html"
    mapped = call("map", stream, "--data", frames, "-o", mapping, "--html", page, "--json")
    assert mapped.code == OK, mapped.err
    run = call("run", stream, "--data", frames, "--json").json
    names = ("spikes", "synops", "input_macs", "graded_synops", "payload_bits", "updates")
    assert {n: mapped.json["cost"]["events"][n] for n in names} == pytest.approx({n: run[f"{n}_per_image"] for n in names})
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    if not LAVA:
        return
    for data in ([], ["--data", frames]):
        done = call("deploy", stream, mapping, *data, "--limit", 1, "--runtime", "one-process", "--sample", 0, "--json")
        assert done.code == OK, done.err
        assert done.json["lava_vs_fast"] == {"images": 1, "differing_spikes": 0, "differing_potentials": 0}


def test_lava_takes_part(stream: Path, frames: Path, call: Call) -> None:
    outcome = call("check", stream, "--data", frames, "--limit", 1, "--json")
    assert outcome.code == OK
    assert outcome.json["lava_vs_fast"] in (None, {"images": 1, "differing_spikes": 0, "differing_potentials": 0})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--threshold", "0"], "threshold 0 of population"),
        (["--threshold", "nose=2"], "threshold of 'nose': no such population sends"),
        (["--threshold", "2", "3"], "--threshold 2 3: give one whole number for all populations, or NAME=N for each"),
        (["--max-error", "0.1"], "give --threshold, or --data with --max-error or --max-events"),
        (["--data", str(DATA)], "give --threshold, or --data with --max-error or --max-events"),
        (["--data", str(DATA), "--max-error", "0.1", "--threshold", "2"], "give --threshold, or --data with --max-error or --max-events"),
        (["--data", str(DATA), "--max-error", "0.1"], "give sequences of frames, such as x[None] for one"),
    ],
)
def test_bad_options(words: list[str], said: str, graded: Path, call: Call, tmp_path: Path) -> None:
    assert said in one_message(call("stream", graded, "-o", tmp_path / "s.h5", *words))
    assert not list(tmp_path.iterdir())


def test_what_streams_are_not(network: Path, stream: Path, frames: Path, call: Call, tmp_path: Path) -> None:
    assert "the network has 16 timesteps; a stream takes one a frame" in one_message(call("stream", network, "-o", tmp_path / "s.h5"))
    assert "is a stream already" in one_message(call("stream", stream, "-o", tmp_path / "s.h5"))
    assert "sequences of frames need a stream" in one_message(call("run", network, "--data", frames))
    assert "give sequences of frames" in one_message(call("run", stream, "--data", DATA))
    assert "--backend float takes no stream" in one_message(call("run", stream, "--data", frames, "--backend", "float"))
    assert "--over-time looks at the steps of an image" in one_message(call("run", stream, "--data", frames, "--over-time"))
    assert "--confident looks at the steps of an image" in one_message(call("run", stream, "--data", frames, "--confident", 1))
    assert "a stream takes one step a frame; leave timesteps out" in one_message(call("run", stream, "--data", frames, "--timesteps", 1))
    assert "--attribute: check of a stream has no such option" in one_message(call("check", stream, "--data", frames, "--attribute"))
    assert "the sweep takes no stream" in one_message(call("map", stream, "--sweep"))


def test_a_study_of_thresholds(frames: Path, call: Call, tmp_path: Path) -> None:
    options = (MODEL, "--calibration", frames, "--data", frames, "--recipe", "channel", "--bits", 8, "-o", tmp_path)
    outcome = call("study", *options, "--threshold", 0, 1, 6, "--max-error", 0.05, "--json")
    assert outcome.code == OK, outcome.err
    whole, exact, coarse, chosen = outcome.json["trials"]
    assert [t["threshold"] for t in (whole, exact, coarse)] == [0, 1, 6]
    assert (whole["output_error"], exact["output_error"]) == (0.0, 0.0)
    assert whole["share_of_events"] == 1.0 > exact["share_of_events"] >= coarse["share_of_events"]
    assert (chosen["max_error"], chosen["threshold"], chosen["images"]) == (0.05, 0, 36)
    table = call("study", *options, "--threshold", 0, 1, 6, "--max-error", 0.05)
    assert "4 settings, 0 new trials" in table.out
    assert "changes within 5 %" in table.out
    assert "error of outputs" in table.out
    for bad, message in ((("--threshold", 300), "threshold 300"), (("--threshold", 1, "--timesteps", 8), "makes no stream")):
        assert message in one_message(call("study", *options, *bad))
    images = call("study", MODEL, "--calibration", DATA, "--data", DATA, "--threshold", 1, "--out", tmp_path)
    assert "give sequences of frames" in one_message(images)
