"""ECC: explicit current control, from ideal rates to integrate-and-fire neurons over T steps."""
