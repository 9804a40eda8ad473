"""Our own pages: the third renderer, for everybody without a chat account."""
