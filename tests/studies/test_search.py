"""A search over the widths of layers: where it starts, what it finds, what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecc_lava.errors import InvalidInput
from ecc_lava.graph.graph import Graph
from ecc_lava.studies.objectives import OBJECTIVES, front
from ecc_lava.studies.search.search import Search
from ecc_lava.studies.search.space import Space
from ecc_lava.studies.settings import Setting, grid
from ecc_lava.studies.trials.trial import Mapped
from tests.helpers.demo_studies import study_of
from tests.helpers.studies import figures_of


def _widths(setting: Setting) -> dict[str, int]:
    assert not isinstance(setting.bits, int)
    return dict(setting.bits)


class TestSearch:
    def test_it_begins_with_uniform_widths_and_then_the_small_layers_wider(self, graph: Graph) -> None:
        asked = grid(bits=(2, 4, 8), timesteps=(4, 8))
        space = Space.of(graph, asked)
        starts = space.starts(asked)
        assert starts[:6] == list(asked.settings)
        assert len(set(starts)) == len(starts) == 6 + 2 * 3  # 2 with 4, 2 with 8, 4 with 8
        largest = max(zip(space.sizes, space.names, strict=True))[1]
        assert all(_widths(s)[largest] == min(_widths(s).values()) for s in starts[6:])
        assert all(_widths(s)["default"] == 8 for s in starts[6:])

    @pytest.mark.parametrize("sampler", ["nsga2", pytest.param("tpe", marks=pytest.mark.slow)])
    def test_it_finds_a_front_without_labels_and_says_so_on_other_images(self, graph: Graph, sampler: str, tmp_path: Path) -> None:
        search = Search(trials=14, objectives=("accuracy", "memory"), sampler=sampler, selection=60)
        found = study_of(graph, bits=(2, 3, 8), timesteps=8, search=search, storage=tmp_path / "trials.journal")
        assert all(figures_of(t).images == 60 and figures_of(t).accuracy is None for t in found.searched)
        assert all(figures_of(t).images == 60 and figures_of(t).accuracy is not None for t in found.trials)
        assert [t.setting for t in found.trials[:3]] == list(grid(bits=(2, 3, 8), timesteps=(8,), recipes=("channel",)).settings)
        assert len({t.setting for t in found.searched}) == len(found.searched) > 8
        chosen = {t.setting for t in front(found.searched, search.objectives)}
        mixed = list(found.trials[3:])
        assert mixed
        assert all(t.setting in chosen for t in mixed)
        assert set(found.front()) <= set(found.trials)
        again = study_of(graph, bits=(2, 3, 8), timesteps=8, search=search, storage=tmp_path / "trials.journal")
        assert again == found

    def test_the_same_seed_finds_the_same(self, graph: Graph) -> None:
        def settings_of(seed: int) -> list[Setting]:
            found = study_of(graph, bits=(2, 3, 8), timesteps=4, search=Search(trials=10, selection=60, seed=seed))
            return [t.setting for t in found.searched]

        assert settings_of(0) == settings_of(0) != settings_of(1)

    def test_by_default_it_aims_at_all_that_there_are_figures_for(self, graph: Graph) -> None:
        found = study_of(graph, bits=(3, 8), timesteps=4, search=Search(trials=3))
        assert found.objectives == ("accuracy", "memory", "events", "latency")
        options: dict[str, Any] = {"formats": "loihi1", "mapper": lambda network, x: Mapped("c", 1, 1, 2.0, 3.0), "mapper_name": "c"}
        found = study_of(graph, bits=(3, 8), timesteps=4, search=Search(trials=3), **options)
        assert found.objectives == ("accuracy", "memory", "cores", "energy", "latency")
        assert set(found.objectives) <= set(OBJECTIVES)

    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ({"objectives": ("beauty",)}, "'beauty' is not known"),
            ({"objectives": ("cores",)}, "give `mapper`"),
            ({"objectives": ("energy",)}, "'energy' has no value for loihi2"),
            ({"sampler": "grid"}, "'grid' is not known"),
            ({"trials": 1}, "at least 2"),
            ({"selection": 120}, "1 must be left"),
        ],
    )
    def test_what_cannot_be_searched_is_refused(self, graph: Graph, options: dict[str, Any], match: str) -> None:
        with pytest.raises(InvalidInput, match=match):
            study_of(graph, bits=(3, 8), timesteps=4, search=Search(**{"trials": 4} | options))

    def test_mixed_widths_beat_uniform_ones_at_no_more_memory(self, graph: Graph) -> None:
        """The layers that hold few weights are those that need their bits."""
        search = Search(trials=12, objectives=("accuracy", "memory"), selection=60)
        found = study_of(graph, bits=(3, 4, 8), timesteps=16, search=search)
        uniform = {t.setting.bits: t for t in found.trials if isinstance(t.setting.bits, int)}
        mixed = [t for t in found.trials if not isinstance(t.setting.bits, int)]
        within = [t for t in mixed if figures_of(t).synaptic_bits <= figures_of(uniform[4]).synaptic_bits]
        best, at_three = max(figures_of(t).accuracy or 0.0 for t in within), figures_of(uniform[3]).accuracy
        assert at_three is not None and best > at_three + 0.1

    def test_averages_take_no_width(self, graph: Graph) -> None:
        assert not any("pool" in name for name in Space.of(graph, grid(bits=(2, 8), timesteps=(4,))).names)
