"""The ground floor: arrays and their checks, the neuron's equation, files, compiling, pages and progress.

This room knows no network, model or chip. Add a helper only if two rooms that must not import each other need it.
"""

from ecc_lava.common.arrays import Array, Float, Images, Int, Outputs, Shape, by_output, first_output, joined, only, output_of, read_only
from ecc_lava.common.beside import Beside
from ecc_lava.common.bounds import EDGE_MAX, NEURONS_MAX, POPULATIONS_MAX, TIMESTEPS_MAX, check_sizes, check_timesteps
from ecc_lava.common.compiling import compiled_by
from ecc_lava.common.cores import usable_cores
from ecc_lava.common.files import JSON_BYTES_MAX, check_writable, read_bytes, require_file, write_bytes
from ecc_lava.common.folders import whole_folder
from ecc_lava.common.intervals import wilson
from ecc_lava.common.matrices import factorised, gram, product, solved
from ecc_lava.common.memory import NEURON_BYTES, check_memory, memory_limit
from ecc_lava.common.neuron import BINARY, PAYLOAD_BITS_MAX, NeuronStep, Payload, in_steps, integrate_and_fire, send_changes
from ecc_lava.common.owners import is_gone, owner
from ecc_lava.common.pages import rendered
from ecc_lava.common.private import content_digest, doubt_of_file, doubt_of_folder, private_folder
from ecc_lava.common.programs import own_program
from ecc_lava.common.progress import Progress, StageProgress
from ecc_lava.common.silence import silenced
from ecc_lava.common.temporary import SEGMENTS, sweep, temporary_file, temporary_folder
from ecc_lava.common.text import as_cell, as_message, by_reason, check_name, printable
from ecc_lava.common.threads import free_cores, in_parts, on_all_cores, one_core

__all__ = [
    "BINARY",
    "EDGE_MAX",
    "JSON_BYTES_MAX",
    "NEURONS_MAX",
    "NEURON_BYTES",
    "PAYLOAD_BITS_MAX",
    "POPULATIONS_MAX",
    "SEGMENTS",
    "TIMESTEPS_MAX",
    "Array",
    "Beside",
    "Float",
    "Images",
    "Int",
    "NeuronStep",
    "Outputs",
    "Payload",
    "Progress",
    "Shape",
    "StageProgress",
    "as_cell",
    "as_message",
    "by_output",
    "by_reason",
    "check_memory",
    "check_name",
    "check_sizes",
    "check_timesteps",
    "check_writable",
    "compiled_by",
    "content_digest",
    "doubt_of_file",
    "doubt_of_folder",
    "factorised",
    "first_output",
    "free_cores",
    "gram",
    "in_parts",
    "in_steps",
    "integrate_and_fire",
    "is_gone",
    "joined",
    "memory_limit",
    "on_all_cores",
    "one_core",
    "only",
    "output_of",
    "own_program",
    "owner",
    "printable",
    "private_folder",
    "product",
    "read_bytes",
    "read_only",
    "rendered",
    "require_file",
    "send_changes",
    "silenced",
    "solved",
    "sweep",
    "temporary_file",
    "temporary_folder",
    "usable_cores",
    "whole_folder",
    "wilson",
    "write_bytes",
]
