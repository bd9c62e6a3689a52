"""Keras model files: looked through for code and unknown layers, then loaded.

Nothing here converts a layer.
"""
