"""The fitted attributes of `PMFSampler`: those of the passes, and those of the table of cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal._errors import InvalidInputError
from vicinal.samplers import labels, moments
from vicinal.samplers.cell_table import CellTable, Grid, tabulate, without_rare
from vicinal.samplers.tally import Tally

PUT_OFF = ("cells_", "counts_", "dropped_mass_")  # until one of them, or a sample, is asked for


def grid_state(grid: Grid, n_rows: int, n_clipped: int) -> dict[str, Any]:
    """Return the fitted attributes that the first pass gives."""
    return {
        "n_bins_": grid.n_bins,
        "lower_": grid.lower,
        "upper_": grid.upper,
        "bin_width_": grid.width,
        "n_samples_seen_": n_rows,
        "n_clipped_": n_clipped,
    }


def tallied_state(tallied: Tally, grid: Grid, min_count: int) -> dict[str, Any]:
    """Return the fitted attributes that a tally gives."""
    state = grid_state(grid, tallied.n_rows, tallied.n_clipped) | table_state(tallied.table, min_count)
    if tallied.sums is None:
        return state
    latents = moments.latent_moments(tallied.sums, int(tallied.table.counts.sum()))
    codes, counts = state["cells_"], state["counts_"]
    cells = moments.cell_moments(moments.cell_sums(codes, counts), int(counts.sum()))
    state["_map"] = moments.map_of(latents, cells, grid)
    state["mean_"], state["variance_"] = moments.in_place(latents, grid)
    state["shrinkage_"] = state["_map"][1].astype(np.float64)
    if min_count == 1:  # else it cannot be added to once loaded, and exact sums would tell of dropped rows
        state["_sums"] = moments.packed(tallied.sums)
    return state


def table_of(codes: Any, n_bins: int) -> dict[str, Any]:
    """Return the fitted attributes named in `PUT_OFF` for codes (n, d); it takes longer than the codes did."""
    return table_state(tabulate(codes, n_bins, None, None), 1)


def table_state(table: CellTable, min_count: int) -> dict[str, Any]:
    """Return the fitted attributes that the table of cells gives."""
    kept = without_rare(table, min_count) if min_count > 1 else table
    if not len(kept.cells):
        raise InvalidInputError(
            f"min_count={min_count} leaves no cell: the fullest has {table.counts.max()} latents; "
            "lower min_count or n_bins"
        )
    state = {
        "cells_": kept.cells,
        "counts_": kept.counts,
        "dropped_mass_": 0.0 if kept is table else float(1.0 - kept.counts.sum() / table.counts.sum()),
    }
    if kept.classes:
        state["classes_"] = labels.as_array(kept.classes)
        state["class_counts_"] = np.bincount(kept.pair_class, kept.pair_counts, len(kept.classes)).astype(np.int64)
        state["_pair_class"], state["_pair_cell"] = kept.pair_class, kept.pair_cell
        state["_pair_counts"] = kept.pair_counts
    return state
