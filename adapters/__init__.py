"""The room that talks with the world: every network, file format and platform word lives here."""
