"""Trials: what one setting came to, kept in an Optuna storage that several processes share.

A finished trial never runs again; an interrupted one does.
"""
