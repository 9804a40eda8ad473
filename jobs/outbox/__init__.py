"""Delivery, in one sweep: the courier, and what only it needs."""
