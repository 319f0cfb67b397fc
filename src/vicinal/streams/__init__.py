"""Rows that do not fit in memory: read in batches from anything that holds them, and written as they come.

=========  ====================================================================================
`sources`  arrays, files, folders, data sets, loaders and chunked arrays, one batch after another
`sinks`    memory, or files of `vicinal.array_files`, which appear whole or not at all
=========  ====================================================================================
"""
