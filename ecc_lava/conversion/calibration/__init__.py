"""Passes that fit the integer network to the float CNN on unlabelled images, and the statistics they need.

Nothing here sees a label or a test image.
"""
