"""Rectifiers whose biases start far below zero."""

import keras
from cases.common import twins
from cases.datasets import scaled, sequential, tumours
from keras import layers


def net(repaired):
    bias = 0.0 if repaired else -50.0
    model = sequential(
        (30,),
        layers.Dense(16, activation="relu", bias_initializer=keras.initializers.Constant(bias), name="h"),
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return scaled(tumours())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "initialisation", "where": "h"}
