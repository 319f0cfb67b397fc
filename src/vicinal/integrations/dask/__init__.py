"""Past one machine: vicinal on Dask, whose collections hold latents and images that no machine has whole.

=========  ======================================================================================
`fit`      a sampler for latents in a dask array, a bag, delayed parts or a dask DataFrame
`sample`   a dask array of new latents, drawn on the workers
=========  ======================================================================================
"""
