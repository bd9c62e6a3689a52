"""The plan and the arithmetic of every core: plain data and plain numpy, no Lava.

`planning` cuts a network into plans and `arithmetic` runs the plan of one core. The arithmetic shares no code with `golden` on purpose, so
that a comparison checks both.
"""
