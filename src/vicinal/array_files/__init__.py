"""Arrays in files: what a file holds, several files as one data set, and arrays to write.

=============  ==========================================================================
`containers`   one small function for each kind of file: the arrays in it, not read yet
`tables`       CSV and Parquet: the columns that are numbers, as one array
`dataset`      several files as one data set, with labels, read in batches if it is large
`parts`        files cut into parts of rows that other processes can read
`formats`      one small sink for each kind of file that is written, batch by batch
`writing`      a sink for a path: the file appears once it is whole
=============  ==========================================================================

The suffix says the kind. Nothing is ever unpickled.
"""

from vicinal.array_files.containers import SUFFIXES, is_zarr
from vicinal.array_files.dataset import open_array, read, read_dataset
from vicinal.array_files.formats import WRITTEN, FileSink, Sink
from vicinal.array_files.parts import Part, parts_of
from vicinal.array_files.writing import check_writable, open_file, write

__all__ = [
    "SUFFIXES",
    "WRITTEN",
    "FileSink",
    "Part",
    "Sink",
    "check_writable",
    "is_zarr",
    "open_array",
    "open_file",
    "parts_of",
    "read",
    "read_dataset",
    "write",
]
