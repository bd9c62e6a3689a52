"""Quantisation studies: many settings of one model on the same images, each run once, and what they cost.

`settings` (what is varied), `conversions` and `problem` (one model and its images), `trials` (what one setting came to), `ledger` (trials
in an Optuna storage: who runs which, and what is finished), `grids` and `searching` (which settings), `results` (tables), `pictures` and
`page` (to look at).
"""
