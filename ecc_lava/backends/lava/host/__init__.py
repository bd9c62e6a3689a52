"""Lava in a process of its own, which is started, watched and ended with nothing left behind.

`supervisor` works in the caller's process; `host`, `network`, `one_process` and `watch` work in the process that imports Lava.
"""
