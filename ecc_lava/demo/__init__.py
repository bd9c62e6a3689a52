"""The demo: an embedded model and data through the whole way, in under a minute."""
