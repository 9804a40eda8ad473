"""The room that remembers: one file holds the tables of one aggregate and every query about them."""
