"""What commands print: tables, lines, JSON and progress.

Nothing here computes a result.
"""
