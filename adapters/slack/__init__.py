"""Slack: the app that hears, the renderer that speaks Block Kit, the messenger that carries."""
