"""Files and live objects in, plain nouns out: on paper (`preflight`, `arrays`, `sample`), and running (`model`)."""
