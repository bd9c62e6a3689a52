"""A study to look at: a picture and a page."""
