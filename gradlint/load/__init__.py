"""Files and live objects in, plain nouns out: `spec`, `preflight`, `sample`, and `model` with TensorFlow."""
