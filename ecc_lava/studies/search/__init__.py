"""The search for widths by layer and T: its space of settings and its samplers."""
