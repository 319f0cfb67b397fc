"""Rows that do not fit in memory: read in batches from anything that holds them, and written as they come.

=========  ====================================================================================
`sources`  arrays, files, folders, data sets, loaders and chunked arrays, one batch after another
`sinks`    memory, a ``.npy`` file or a ``.zarr`` folder, which appear whole or not at all
=========  ====================================================================================
"""
