"""Images in, spikes of the input populations out.

This room reads data files, checks batches against what a model takes, and encodes images as graded values, rates, random spikes or events,
and sequences of frames as changes.
It knows no network. To add a coding, give it a kind in `coding` and its encoding in `encoding`.
"""

from ecc_lava.inputs.batches import InputSpec, as_batch, batch_part, batch_range, batch_size, by_input, model_images, model_inputs, parts
from ecc_lava.inputs.coding import CODINGS, PAYLOAD_MAX, InputCoding
from ecc_lava.inputs.dataset import Dataset, digest, load_dataset
from ecc_lava.inputs.encoding import (
    SeenImages,
    choose_coding,
    clipping_not_repeated,
    encode,
    encode_all,
    seen_in,
    sent,
    sent_by_all,
    warn_of_all,
)
from ecc_lava.inputs.ranges import PIXELS, SIGNED, UNIT, InputRange, elsewhere, input_ranges, raw_pixels, remedy, usual_range
from ecc_lava.inputs.sources import PART_BYTES, ArraySource, ImageSource, Rows, in_memory
from ecc_lava.inputs.stored import BatchSource, StoredDataset, is_hdf5, open_dataset
from ecc_lava.inputs.streams import changes, changes_of_all, frames_as_images, labels_of_frames, single_frames

__all__ = [
    "CODINGS",
    "PART_BYTES",
    "PAYLOAD_MAX",
    "PIXELS",
    "SIGNED",
    "UNIT",
    "ArraySource",
    "BatchSource",
    "Dataset",
    "ImageSource",
    "InputCoding",
    "InputRange",
    "InputSpec",
    "Rows",
    "SeenImages",
    "StoredDataset",
    "as_batch",
    "batch_part",
    "batch_range",
    "batch_size",
    "by_input",
    "changes",
    "changes_of_all",
    "choose_coding",
    "clipping_not_repeated",
    "digest",
    "elsewhere",
    "encode",
    "encode_all",
    "frames_as_images",
    "in_memory",
    "input_ranges",
    "is_hdf5",
    "labels_of_frames",
    "load_dataset",
    "open_dataset",
    "model_images",
    "model_inputs",
    "parts",
    "raw_pixels",
    "remedy",
    "seen_in",
    "sent",
    "single_frames",
    "sent_by_all",
    "usual_range",
    "warn_of_all",
]
