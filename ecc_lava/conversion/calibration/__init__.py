"""Passes that fit the integer network to the float CNN on unlabelled images, and the statistics they need.

Nothing here sees a label or a test image. `layerwise` and `class_offsets` are the passes; the other files serve them.
To add a pass of calibration, write a file here with an `IntegerPass` and name the pass in a recipe of `ecc_lava.conversion.recipes`.
"""
