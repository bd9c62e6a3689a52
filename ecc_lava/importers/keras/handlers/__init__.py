"""One handler for each Keras layer or operation: from the layer's settings to nodes of a graph.

A handler reads every setting from its call and raises `Refused` for a setting that it cannot convert. A new handler stands in the file of
its kind, or in a new file with a `SUPPORT` of its own. `ecc_lava.importers.keras.table` lists the handlers by class name. Nothing here
knows the rest of the model.
"""
