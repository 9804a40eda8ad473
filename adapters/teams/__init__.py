"""The door to Microsoft Teams: activities in, Adaptive Cards out."""
