"""The fitted attributes of `PMFSampler`: those of the passes, and those of the table of cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal._errors import InvalidInputError
from vicinal.samplers import labels
from vicinal.samplers.cell_table import CellTable, Grid, tabulate, without_rare

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
        "dropped_mass_": float(1.0 - kept.counts.sum() / table.counts.sum()),
    }
    if kept.classes:
        state["classes_"] = labels.as_array(kept.classes)
        state["class_counts_"] = np.bincount(kept.pair_class, kept.pair_counts, len(kept.classes)).astype(np.int64)
        state["_pair_class"], state["_pair_cell"] = kept.pair_class, kept.pair_cell
        state["_pair_counts"] = kept.pair_counts
    return state
