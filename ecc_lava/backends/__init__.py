"""Back ends: functions of one signature that run a network on encoded input."""
