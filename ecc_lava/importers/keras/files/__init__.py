"""Keras model files: `scan` looks for code and unknown objects in a file's description, `loading` then opens the file.

Nothing here converts a layer.
"""
