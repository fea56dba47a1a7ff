"""Repairs of findings in source, with LibCST: all else stays as it was written, comments and spaces included."""
