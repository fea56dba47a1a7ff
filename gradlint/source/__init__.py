"""Python source to findings: what can be seen around a tape without TensorFlow, and without running anything."""
