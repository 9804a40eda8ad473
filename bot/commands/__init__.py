"""One file is one feature: its commands, buttons and forms; its words lie in `bot/catalogue`."""
