"""The section of docs/performance.md on `benchmarks/vicinity.py`."""

from __future__ import annotations

from typing import Any

from pages import table

Row = dict[str, Any]

GOAL_TIMES = 20  # a fit at most 1 / 20 of the mixture's
GOAL_EXPONENT = 1.2


def section(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text."""
    k = result["n_neighbors"]
    lines = [
        f"The vicinity of a latent, found four ways: {k} neighbours of each of n latents in clusters. The first call is in a fresh",
        "process, with all that it loads and compiles. A nearest neighbour need not have one as its neighbour in turn: outliers are",
        "hardly ever among anyone's, so that the union of all neighbourhoods has less variance than the latents have. In cells every",
        "latent is in as many neighbourhoods as any other, so nothing is lost.",
        "",
        table(
            ["", "n", "d", "first call", "again", "mean distance", "most often", "nobody's but its own", "variance kept"],
            [_searched(row) for row in result["search"]],
        ),
        "",
        "A fit of `LocalSampler`, against a Gaussian mixture of 50 full components in the same process, both on one core (goal: at",
        f"least {GOAL_TIMES} times as fast). Files hold the latents and where cells start.",
        "",
        table(
            ["latents", "n", "d", "fit, calibrated", "times", "fit, 16 neighbours", "times", "mixture", "10,000 samples",
             "1,000,000 samples", "bytes a row"],
            [_fitted(row) for row in result["fit"]],
        ),
        "",
    ]  # fmt: skip
    for row in result["growth"]:
        met = "met" if row["high"] <= GOAL_EXPONENT else "missed" if row["exponent"] > GOAL_EXPONENT else "open"
        kind = "calibrated" if row["auto"] else "16 neighbours"
        lines.append(
            f"- Fit, {kind}, n from {row['sizes'][0]:,} to {row['sizes'][-1]:,} at d={row['d']}: time grows as n to the power of "
            f"{row['exponent']:.2f} ({row['low']:.2f} to {row['high']:.2f}; goal: at most {GOAL_EXPONENT}, {met})."
        )
    large = result["large"]
    if "not_run" in large:
        lines.append(f"- n={large['n']:,}, d={large['d']}: not run ({large['not_run']}).")
    else:
        lines.append(
            f"- n={large['n']:,}, d={large['d']}: calibrated fit {large['fit_s']:.0f} s ({large['n_neighbors']} neighbours, nn ratio "
            f"{large['nn_ratio']:.2f}), as many samples {large['sample_s']:.1f} s; at the most {large['peak_bytes'] / large['latents_bytes']:.1f} "
            "times the memory of the latents on top of them."
        )
    return lines, {}


def _searched(row: Row) -> list[str]:
    if "not_run" in row:
        return [row["name"], f"{row['n']:,}", str(row["d"]), f"not run: {row['not_run']}", *["-"] * 5]
    return [
        row["name"], f"{row['n']:,}", str(row["d"]), f"{row['first_s']:.1f} s", f"{row['second_s']:.1f} s",
        f"{row['mean_distance']:.2f}", str(row["most_often"]), f"{row['only_by_itself']:.1%}", f"{row['variance']:.3f}",
    ]  # fmt: skip


def _fitted(row: Row) -> list[str]:
    if "not_run" in row:
        return [row["data"], f"not run: {row['not_run']}", *["-"] * 9]
    times = [row["mixture_s"] / row[f"{kind}_s"] for kind in ("auto", "fixed")]
    met = "met" if times[0] >= GOAL_TIMES else "missed"
    return [
        row["data"], f"{row['n']:,}", str(row["d"]), f"{row['auto_s']:.2f} s", f"{times[0]:.0f} ({met})",
        f"{row['fixed_s']:.2f} s", f"{times[1]:.0f}", f"{row['mixture_s']:.0f} s", f"{row['sample_10k_s']:.3f} s",
        f"{row['sample_1m_s']:.1f} s", f"{row['bytes_a_row']:.1f}",
    ]  # fmt: skip
