"""What one core computes, and what it needs for that: plain data and plain numpy, no Lava.

The arithmetic is written independently of `golden`, so that comparing the two means something.
"""
