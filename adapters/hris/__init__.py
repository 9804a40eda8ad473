"""Where notices of leaving come from: files and, later, the systems of HR."""
