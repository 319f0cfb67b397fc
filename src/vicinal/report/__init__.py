"""Tables, plots and images as one self-contained HTML file.

==================  ====================================================================
`page`              the file: what goes in, and how it is put together
`scored`            the page of one table, as ``vicinal evaluate --report`` writes it
`tables`            cells with marks, a glossary, and what can be downloaded
`pictures`          images as bytes
`explorer`          a map of latents, with samples, for ``explorer.js``
`facts`             the machine
``template.html``   the page, with ``style.css``, ``tables.js`` and ``explorer.js``
==================  ====================================================================
"""

from vicinal.report.explorer import Explorer
from vicinal.report.facts import machine
from vicinal.report.page import Section, Strip, write
from vicinal.report.pictures import png, side_by_side
from vicinal.report.scored import write_scores
from vicinal.report.tables import Table, slug

__all__ = ["Explorer", "Section", "Strip", "Table", "machine", "png", "side_by_side", "slug", "write", "write_scores"]
