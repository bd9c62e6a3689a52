"""An account of energy on the terminal, the same for `run` and `map`."""

from __future__ import annotations

from ecc_lava.analysis import Account
from ecc_lava.cli.show.output import show_lines, show_table

__all__ = ["NO_SILICON", "amount", "show_account"]

NO_SILICON = "an estimate from published figures; nothing ran on silicon"


def show_account(account: Account, what: str = "energy") -> None:
    """Print events times prices, their sum, and what the sum leaves out; or why there is no sum."""
    if account.why_none is not None:
        show_lines(f"{what}: n/a, {account.why_none}")
        return
    rows = [(c.words, amount(c.amount), between(c.low_pj, c.high_pj), between(c.low_uj, c.high_uj)) for c in account.charges]
    total = between(account.low_uj or 0.0, account.high_uj or 0.0)
    show_table("Energy of an image", ("", "number", "pJ each", "uJ"), [*rows, ("all", "", "", total)])
    show_lines(f"{NO_SILICON}; left out: {'; '.join(account.left_out)}")


def between(low: float, high: float) -> str:
    """Return a number with four digits, or a range of two, from no update active to all."""
    return amount(low) if low == high else f"{amount(low)} to {amount(high)}"


def amount(value: float) -> str:
    """Return a number with at least four digits, and all before the point."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
