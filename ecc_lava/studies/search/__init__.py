"""The search for widths by layer and T: its options, its space of settings, its samplers and its run.

The samplers are Optuna's. To add one, give it a line in `samplers`.
"""
