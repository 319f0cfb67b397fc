"""Quality and novelty in one table.

===========  =========================================================================
`evaluate`   the call: arrays in, a table out
`judge`      features in, numbers out: sets of samples against one set of real data
`catalogue`  the metrics by name: headings, directions, how each is computed
`scores`     the table, and how it is written
===========  =========================================================================
"""

from vicinal.evaluation.catalogue import DEFAULT_METRICS, METRICS
from vicinal.evaluation.evaluate import BOOTSTRAP, REAL, RECONSTRUCTIONS, evaluate
from vicinal.evaluation.judge import Judge
from vicinal.evaluation.scores import Scores

__all__ = [
    "BOOTSTRAP",
    "DEFAULT_METRICS",
    "METRICS",
    "REAL",
    "RECONSTRUCTIONS",
    "Judge",
    "Scores",
    "evaluate",
]
