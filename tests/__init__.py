"""Tests stand in the folder of the code that they test; what several of them need stands in `helpers`."""
