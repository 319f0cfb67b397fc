"""Fits to latents in a dask collection: the passes run where the latents are, and only small values travel.

=========  =================================================================================
`tree`     one value of all parts of collections, merged in a tree of tasks
`parts`    what is given, as parts: arrays, data frames, bags, lists of delayed values
`batches`  the batches that a fit makes its passes over
=========  =================================================================================

Dask is imported here only, and only if a caller who has it passes a collection.
"""
