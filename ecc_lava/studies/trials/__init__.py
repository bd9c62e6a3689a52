"""Trials: the result of one setting, kept in an Optuna storage that several processes share.

A finished trial never runs again; an interrupted trial does. `optuna_storage` opens the storage; `store` reads and claims the trials in it.
Nothing here runs a setting.
"""
