"""Lava Processes and their fixed-point ProcessModels; importing a module of it imports Lava.

Nothing else belongs here: Lava executes every module beside a Process's own when it looks for ProcessModels.
"""
