"""What several tests need: makers of graphs, networks and models, one comparer of activities, partitions, planted faults, the program.

Nothing here asserts what the project promises; that is in the tests.
"""
