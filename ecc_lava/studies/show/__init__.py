"""A study as a picture and as a page; nothing here computes figures."""
