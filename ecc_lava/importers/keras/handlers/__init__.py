"""One handler for each Keras layer or operation: from the layer's settings to nodes of a graph.

A handler reads every setting from its call and raises `Refused` for settings that it cannot convert. `ecc_lava.importers.keras.table` lists
the handlers by class name.
"""
