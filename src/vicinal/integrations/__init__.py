"""Adapters to other libraries, one a file. Nothing in vicinal imports them."""
