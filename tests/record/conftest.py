"""The same initial weights in every test, whatever ran before."""

import keras
import pytest


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(1)
