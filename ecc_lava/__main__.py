"""`python -m ecc_lava` is the program `ecc-lava`."""

from ecc_lava.cli import main

if __name__ == "__main__":
    main()
