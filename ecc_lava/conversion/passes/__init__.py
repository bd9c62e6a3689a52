"""The passes of ECC, one a file.

A pass is a frozen dataclass whose fields are its options, so that its repr is the network's provenance. A pass returns a new network and
leaves its `rate_forward` as it is. Passes that run the integers derive from `interface.IntegerPass` and stand in
`ecc_lava.conversion.calibration`. To add a pass, write a file here and name the pass in a recipe of `ecc_lava.conversion.recipes`.
"""
