"""Quality and novelty in one table.

============  =========================================================================
`evaluate`    the call: arrays in, a table out
`functions`   what is given as features, as an extractor
`published`   sets that are given as statistics
`by_class`    quality within classes
`given`       what the call is given, in one range, layout and type
`judge`       features in, numbers out: sets of samples against one set of real data
`catalogue`   the metrics by name: headings, directions, how each is computed
`samples`     sets of samples and real data: what several metrics need, computed once
`overlap`     held-out rows that are training rows
`replicates`  metrics without one group of rows each, for the jackknife
`intervals`   confidence intervals of differences
`scores`      the table, and how it is written
`texts`       numbers as text
`notes`       what a reader of the table has to know
`glossary`    what the columns mean
`verdict`     what the table says, as a sentence
`frontier`    the table as a picture: quality against novelty
`html`        the table in a notebook
============  =========================================================================
"""

from vicinal.evaluation.catalogue import DEFAULT_METRICS, METRICS
from vicinal.evaluation.evaluate import evaluate
from vicinal.evaluation.judge import Judge
from vicinal.evaluation.notes import BOOTSTRAP, REAL, RECONSTRUCTIONS
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
