"""Run a model once and write down what happened: the only room, with `load.model`, that knows TensorFlow."""
