"""What gradlint says of the networks of `keras.applications`, as they start to train, as a table.

    PYTHONPATH=.:tests python -m cases.measure_applications [words]

Each has ten classes, Keras's own initialisers and small made-up photos, prepared as its module says. None of them is
broken: every finding of severity warning or error is a false alarm, and there may be none.
"""

from __future__ import annotations

import importlib
import sys
import time

import keras
import numpy as np
from cases.measure_programs import alarms

import gradlint

NETWORKS = {
    "mobilenet": ("MobileNet", 64),
    "mobilenet_v2": ("MobileNetV2", 64),
    "mobilenet_v3": ("MobileNetV3Small", 64),
    "efficientnet": ("EfficientNetB0", 64),
    "efficientnet_v2": ("EfficientNetV2B0", 64),
    "nasnet": ("NASNetMobile", 64),
    "densenet": ("DenseNet121", 64),
    "resnet": ("ResNet50", 64),
    "resnet_v2": ("ResNet50V2", 64),
    "vgg16": ("VGG16", 48),
    "vgg19": ("VGG19", 48),
    "xception": ("Xception", 80),
    "inception_v3": ("InceptionV3", 80),
    "inception_resnet_v2": ("InceptionResNetV2", 80),
    "convnext": ("ConvNeXtTiny", 64),
}
"""Module, class and a side of the images that the network takes; the smallest of each family."""


def photos(side: int, rows: int = 4) -> np.ndarray:
    """Soft shapes on a background, from 0 to 255."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(20, 235, size=(rows, 8, 8, 3)).repeat(side // 8, axis=1).repeat(side // 8, axis=2)
    return np.clip(coarse + rng.normal(0, 8, size=coarse.shape), 0, 255).round().astype("float32")


def main(words: list[str]) -> None:
    print("| network | seconds | said | alarms |\n|---|---|---|---|")
    count = 0
    for name, (network, side) in NETWORKS.items():
        if words and not any(word in name for word in words):
            continue
        keras.utils.clear_session()
        keras.utils.set_random_seed(0)
        module = importlib.import_module(f"keras.applications.{name}")
        # MobileNetV3 has no other way in than a class of `keras.applications`.
        build = getattr(module, network, None) or getattr(keras.applications, network)
        model = build(weights=None, input_shape=(side, side, 3), classes=10)
        model.compile("adam", "sparse_categorical_crossentropy")
        began = time.perf_counter()
        result = gradlint.check(model, (module.preprocess_input(photos(side)), np.arange(4)))
        false = alarms(result)
        count += len(false)
        said = " ".join(finding.code for finding in result.findings)
        told = "; ".join(f"{f.code} {f.message[:120]}" for f in false)
        print(f"| {network} | {time.perf_counter() - began:.1f} | {said} | {told} |", flush=True)
    print(f"\n{count} false alarms")


if __name__ == "__main__":
    main(sys.argv[1:])
