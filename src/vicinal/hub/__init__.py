"""Folders and repositories of one model: a file of `vicinal.storage`, and a card that says how new its samples are.

A folder holds two files. A repository of huggingface.co holds the same two.

=====================  ===============================================================
``model.safetensors``  what ``save`` writes; the only file that is ever read
``README.md``          the model card: what it is, how to load it, what was measured
=====================  ===============================================================

The methods have the names of `huggingface_hub.ModelHubMixin`. Nothing is unpickled.
"""
