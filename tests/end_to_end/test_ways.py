"""Ways in which people have models and samples: each works, or is answered with a sentence that says what to do.

`python tests/end_to_end/test_ways.py` writes the table of the document.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from gradlint import cli
from gradlint.errors import GradlintError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "ways.md"
LAYERS = """
import keras

class Hard(keras.layers.Layer):
    def call(self, x):
        return keras.ops.round(x)
"""
MAKING = """
import keras
import numpy as np
from plain_layers import Hard

x, y = np.linspace(-1, 1, 24).reshape(8, 3), np.linspace(0, 1, 8).reshape(8, 1)

def model():
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), Hard(), keras.layers.Dense(1)])
    made.compile(loss="mse")
    return made

def batch():
    return x, y

made = model()

def nothing():
    pass

def loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred))
"""
PYTHON = {
    "Samples in Python": (
        "gradlint.check(model, (x, y))",
        "gradlint.check(model, (x, y, weights))",
        "gradlint.check(model, [x, y])",
        "gradlint.check(model, {'x': x, 'y': y})",
        "gradlint.check(model, (x.tolist(), y.tolist()))",
        "gradlint.check(model, dataset.batch(4))",
        "gradlint.check(model, dataset)  # single examples",
        "gradlint.check(model, dataset.repeat().batch(4))",
        "gradlint.check(model, generator())",
        "gradlint.check(model, PyBatches())",
        "gradlint.check(model, lambda: (x, y))",
        "gradlint.check(model, (tf.constant(x), tf.constant(y)))",
        "gradlint.check(model, (torch_tensor(x), torch_tensor(y)))",
        "gradlint.check(model, frame)  # columns a, b, c, y",
        "gradlint.check(model, (frame[['a', 'b', 'c']], frame['y']))",
        "gradlint.check(two, ({'left': x, 'right': x}, y))",
        "gradlint.check(two, ([x, x], y))",
        "gradlint.check(two, {'left': x, 'right': x, 'y': y})",
        "gradlint.check(model, (x, y), batch=2)",
        "gradlint.check('model.keras', (x, y), imports='plain_layers.py')",
        "gradlint.check(model, x, y)  # as for fit",
        "gradlint.check(model, ([x], [y]))",
        "gradlint.check(model, [(x, y), (x, y)])  # batches in a list",
        "gradlint.check(model, dataset.batch(4).as_numpy_iterator())",
        "gradlint.check(model, {'X_train': x, 'y_train': y})",
        "gradlint.check(model, frame.rename(columns={'y': 'target'}))",
        "gradlint.check(both, (x, {'reg': y, 'cls': y}))",
        "gradlint.check(both, (x, {'reg': y, 'cls': y}, {'reg': weights, 'cls': weights}))",
        "gradlint.check(both, (x, {'reg': y, 'clss': y}))",
        "gradlint.check(both, (x, {'reg': y}))",
        "gradlint.check(both, (x, [y]))",
        "gradlint.check(both, (x, y))",
        "gradlint.check(model, frame.rename(columns={'y': 'price'}))",
        "gradlint.check(model, frame.assign(town='Ulm'))",
        "gradlint.check(model, (x, y, y, y))",
        "gradlint.check(two, x, x, y)",
        "gradlint.check(two, [x, x])",
        "gradlint.check(model, (tf.sparse.from_dense(x), y))",
        "gradlint.check(model, {'arr_0': x, 'arr_1': y})",
        "gradlint.check(both, dict(x=x, reg=y, cls=y))",
        "gradlint.check(model, (1 / 0 for _ in range(2)))",
        "gradlint.check(model, iter(()))",
        "gradlint.check(model, ([[1, 2], [3]], y))",
        "gradlint.check(model, 3)",
        "gradlint.check((x, y), model)",
        "gradlint.check(model, x=x, y=y)",
        "gradlint.check(model, x=x, y=y, sample_weight=weights)",
        "gradlint.check(model, (x, y), sample_weight=weights)",
        "gradlint.check(model, x=dataset.batch(4))",
        "gradlint.check(model, 'sample.npz', y=y)",
        "gradlint.check(model, y=y)",
        "gradlint.check(model, (x, y[:4]))",
        "gradlint.check(model, (y, x))",
        "gradlint.check(two, (y, [x, x]))",
        "gradlint.check(model, (None, y))",
        "gradlint.check(both, {'x': x, 'y_reg': y, 'y_cls': y})",
        "gradlint.check(both, {'x': x, 'reg': y, 'cls_target': y, 'reg_weight': weights, 'weight_cls': weights})",
        "gradlint.check(model, Path('sample.npz'))",
        "gradlint.check(model, np.load('sample.npz'))",
        "gradlint.check(model, Loader())  # batches of torch tensors",
        "gradlint.check(model, DictData())  # batches are dicts",
        "gradlint.check(model, zip([x], [y]))",
        "gradlint.check(model, iter(dataset.batch(4)))",
        "gradlint.check(model, dataset.batch(4).take(0))",
        "gradlint.check(model, (tf.Variable(x), tf.Variable(y)))",
        "gradlint.check(model, (np.ma.masked_array(x), memoryview(y)))",
        "gradlint.check(model, (x.astype(object), y))",
        "gradlint.check(model, (x[0], y[0]))",
        "gradlint.check(model, {})",
        "gradlint.check(model, '')",
    ),
    "Models and arguments in Python": (
        "gradlint.check(Hard, (x, y))",
        "gradlint.check('model.keras', 'sample.npz', custom_objects={'Hard': Hard})",
        "gradlint.check('model.keras', 'sample.npz', imports='plain_layers.py')",
        "gradlint.check(model, (x, y), select='GL103')",
        "gradlint.check(model, {'x': x, 'label': y}, targets='label')",
        "gradlint.check(model, {'x': x, 'label': y}, targets=['label'])",
        "gradlint.check(lambda s: tf.reduce_mean((model(s['x']) - s['y']) ** 2), (x, y), models=model)",
        "gradlint.check(model, (x, y), loss='making:loss')",
        "gradlint.check(model, (x, y), loss=keras.losses.MeanSquaredError)",
        "gradlint.check(model, (x, y), loss='msee')",
        "gradlint.check(both, (x, {'reg': y, 'cls': y}), loss={'reg': 'mse', 'cls': 'mse'})",
        "gradlint.check('model.keras', 'sample.npz', custom_objects=[Hard])",
        "gradlint.check('model.keras', 'sample.npz', imports=plain_layers)",
        "gradlint.check(model, (x, y), select='GL103,GL2')",
        "gradlint.check(model.fit, (x, y))",
        "gradlint.check_step(model, x, y)",
        "gradlint.check_step(model.fit, x, y, models=model, optimizers=model.optimizer, select='GL103')",
        "gradlint.check(keras.layers.Dense(1, name='head'), (x, y))",
        "model.fit(x, y, callbacks=[gradlint.GradientCheck])",
        "gradlint.check(model, (x, y), seed=1.5)",
        "gradlint.check(model, (x, y), models='model')",
        "gradlint.check(model, (x, y), targets='price')",
        "gradlint.check(model, (x, y), targets=[3])",
        "gradlint.check(model, (x, y), mapping='x')",
        "gradlint.check(model, (x, y), loss=['mse'])",
        "gradlint.check(model.to_json(), (x, y))",
        "gradlint.check([model], (x, y))",
        "gradlint.check(lambda: model, (x, y))",
        "gradlint.check(model, (x, y), select='GL999')",
        "gradlint.check(model, (x, y), fail_on='warnings')",
        "gradlint.check_step(tf.function(step), x, y, models=model, select='GL103')",
        "in_scope(lambda: gradlint.check(model, (x, y)))  # with strategy.scope()",
        "mirrored().check((x, y))  # made under MirroredStrategy",
        "in_fit(lambda: gradlint.check(model, (x, y)))  # in a callback of fit",
        "gradlint.check(in_tf_function(model), (x, y))",
        "gradlint.check(quantized(), (x, y))",
        "gradlint.check(tf.saved_model.load('served'), x)",
        "tf.function(lambda: gradlint.check(model, (x, y)))()",
    ),
}
COMMANDS = {
    "Samples on the command line": (
        "model.keras sample.npz --import plain_layers.py",
        "model.keras making.py:batch --import plain_layers.py",
        "model.keras making:batch --import plain_layers.py",
        "model.keras table.csv --import plain_layers.py",
        "model.keras x.npy --import plain_layers.py",
        "model.keras with_index.csv --import plain_layers.py",
        "model.keras semicolons.csv --import plain_layers.py",
        "model.keras prices.csv --import plain_layers.py",
        "model.keras saved_dataset --import plain_layers.py",
        "model.keras making.py:nothing --import plain_layers.py",
        "model.keras smaple.npz --import plain_layers.py",
        "model.keras sample.npz --import plain_layers.py --batch 2",
        "model.keras sample.pkl --import plain_layers.py",
        "model.keras sample.pt --import plain_layers.py",
        "model.keras sample.tfrecord --import plain_layers.py",
        "model.keras sample.json --import plain_layers.py",
        "sample.npz model.keras",
    ),
    "Models on the command line": (
        "making.py:model making.py:batch",
        "making:model sample.npz",
        "making.py:made sample.npz",
        "making.py sample.npz",
        "making.py:x sample.npz",
        "Model.keras sample.npz",
        "model.keras sample.npz",
        "model.keras sample.npz --import making.py",
        "exported sample.npz",
        "served x.npy --trust-model",
        "checkpoints sample.npz",
        "model.weights.h5 sample.npz",
        "model.safetensors sample.npz",
        "model.onnx sample.npz",
        "model.tflite sample.npz",
        "model.pt sample.npz",
        "model.pkl sample.npz",
        "model.json sample.npz",
        "keras2.keras sample.npz",
        "pairs --import plain_layers.py",
        "lone --import plain_layers.py",
        "several --import plain_layers.py",
        "model.keras sample.npz --import plain_layers.py --output report.html",
        "model.keras sample.npz --import plain_layers.py --graph flow.png",
    ),
}


class ForeignTensor:
    """Refuses what a torch tensor with a gradient refuses."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def detach(self):
        found = ForeignTensor(self.array)
        found.numpy = lambda: found.array
        return found

    def cpu(self):
        return self

    def numpy(self):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad")


def prepared(folder: Path) -> dict[str, object]:
    """The files, and the names that the examples use."""
    import pandas

    (folder / "plain_layers.py").write_text(LAYERS)
    (folder / "making.py").write_text(MAKING)
    sys.path.insert(0, str(folder))
    import making

    x, y = making.x.astype("float32"), making.y.astype("float32")
    model = making.model()
    model.save(folder / "model.keras")
    np.savez(folder / "sample.npz", x=x, y=y)
    np.save(folder / "x.npy", x)
    frame = pandas.DataFrame(np.concatenate([x, y], axis=1), columns=["a", "b", "c", "y"])
    frame.to_csv(folder / "table.csv", index=False)
    frame.to_csv(folder / "with_index.csv")
    frame.to_csv(folder / "semicolons.csv", index=False, sep=";")
    frame.rename(columns={"y": "price"}).to_csv(folder / "prices.csv", index=False)
    model.export(folder / "served", verbose=False)
    dataset = tf.data.Dataset.from_tensor_slices((x, y))
    dataset.batch(4).save(str(folder / "saved_dataset"))
    (folder / "pairs").mkdir()
    model.save(folder / "pairs" / "one.keras")
    np.savez(folder / "pairs" / "one.npz", x=x, y=y)
    for name in ("lone/net.keras", "several/net.keras", "several/other.keras"):
        (folder / name).parent.mkdir(exist_ok=True)
        model.save(folder / name)
        np.savez(folder / name.split("/")[0] / "batch.npz", x=x, y=y)
    module = tf.Module()
    module.v = tf.Variable(1.0)
    tf.saved_model.save(module, str(folder / "exported"))
    tf.train.Checkpoint(v=module.v).save(str(folder / "checkpoints" / "ckpt"))
    for name in ("onnx", "tflite", "safetensors", "pt", "pkl", "json", "weights.h5"):
        (folder / f"model.{name}").write_bytes(b"?")
    for name in ("pkl", "pt", "tfrecord", "json"):
        (folder / f"sample.{name}").write_bytes(b"?")
    _of_keras_2(folder / "model.keras", folder / "keras2.keras")
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    joined = keras.layers.Concatenate()([making.Hard()(keras.layers.Dense(4)(left)), right])
    two = keras.Model([left, right], keras.layers.Dense(1)(joined))
    two.compile(loss="mse")

    hard = making.Hard()(keras.layers.Dense(4)(left))
    both = keras.Model(left, {"reg": keras.layers.Dense(1)(hard), "cls": keras.layers.Dense(1)(hard)})
    both.compile(loss={"reg": "mse", "cls": "mse"})

    class PyBatches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return x, y

    class Loader:
        def __iter__(self):
            return iter([[ForeignTensor(x), ForeignTensor(y)]])

    class DictData:
        def __getitem__(self, index):
            return {"x": x, "y": y}

        def __len__(self):
            return 2

    def step(features, labels):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(features) - labels) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    class Scoped:
        def __init__(self, made):
            self.made = made

        def check(self, sample):
            return gradlint.check(self.made, sample)

    def generator():
        while True:
            yield x, y

    def mirrored():
        strategy = tf.distribute.MirroredStrategy(["CPU:0"])
        with strategy.scope():
            return Scoped(making.model())

    def in_scope(run):
        with tf.distribute.OneDeviceStrategy("CPU:0").scope():
            return run()

    def in_fit(run):
        found = []
        callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: found.append(run()))
        copy = making.model()
        copy.fit(x, y, epochs=1, verbose=0, callbacks=[callback])
        return found[0]

    def in_tf_function(inner):
        class Traced(keras.Model):
            def __init__(self):
                super().__init__()
                self.inner = inner
                self.step = tf.function(inner)

            def call(self, inputs):
                return self.step(inputs)

        made = Traced()
        made.compile(loss="mse")
        return made

    def quantized():
        made = making.model()
        made.quantize("int8")
        return made

    return {
        "gradlint": gradlint, "keras": keras, "tf": tf, "model": model, "two": two, "both": both,
        "plain_layers": sys.modules["plain_layers"], "x": x, "y": y,
        "weights": np.ones(8, "float32"), "Hard": making.Hard, "dataset": dataset, "generator": generator,
        "frame": frame, "PyBatches": PyBatches, "torch_tensor": ForeignTensor, "in_scope": in_scope,
        "mirrored": mirrored, "in_fit": in_fit, "in_tf_function": in_tf_function, "quantized": quantized,
        "np": np, "Path": Path, "Loader": Loader, "DictData": DictData, "step": step,
    }  # fmt: skip


def _of_keras_2(source: Path, target: Path) -> None:
    """A file that names the classes of tf_keras, as Keras 2 wrote them."""
    import zipfile

    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename == "config.json":
                data = data.replace(b'"keras.src.models', b'"tf_keras.src.engine').replace(b'"keras.', b'"tf_keras.')
            if info.filename == "metadata.json":
                data = json.dumps({"keras_version": "2.15.0"}).encode()
            new.writestr(info, data)


def outcome_in_python(line: str, names: dict[str, object]) -> str:
    try:
        result = eval(line.partition("  #")[0], names)
    except GradlintError as error:
        return f"{type(error).__name__}: {error}"
    if any(finding.code.startswith("GL40") for finding in result.failures):  # of the sample, and no gradient
        return f"{result.failures[0].code}: {result.failures[0].message}"
    return "works: " + (", ".join(dict.fromkeys(finding.code for finding in result.failures)) or "no finding")


def outcome_of_command(line: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main([*shlex.split(line), "--no-cache", "--no-isolate"])
    if status == 2:
        return f"exit status 2: {' '.join(err.getvalue().removeprefix('gradlint: ').split())}"
    found = dict.fromkeys(re.findall(r"\b(?:error|warning) (GL\d\d\d)", out.getvalue() + err.getvalue()))
    return f"works: {', '.join(found) or err.getvalue().strip()}"


def rows(folder: Path) -> dict[str, list[tuple[str, str]]]:
    names = prepared(folder)
    table: dict[str, list[tuple[str, str]]] = {}
    for title, lines in PYTHON.items():
        table[title] = [(line, outcome_in_python(line, names)) for line in lines]
    for title, lines in COMMANDS.items():
        table[title] = [(f"gradlint {line}", outcome_of_command(line)) for line in lines]
    return table


def written(table: dict[str, list[tuple[str, str]]]) -> str:
    lines = [
        "# Ways in",
        "",
        "How people have models and samples, and what comes of it: it works, or a sentence says what to do. The model",
        "has a rounding in the middle, so that what works finds GL103. A test writes this page, and runs every line.",
    ]
    for title, found in table.items():
        lines += ["", f"## {title}", "", "| way | what comes |", "|---|---|"]
        lines += [
            f"| `{way.replace('|', chr(92) + '|')}` | {said.replace('|', chr(92) + '|')} |" for way, said in found
        ]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def table():
    """Of a process of its own: devices, registered classes and modules of other tests would change what comes."""
    pytest.importorskip("pandas")
    ran = subprocess.run([sys.executable, __file__, "--print"], capture_output=True, text=True, check=True)
    return json.loads(ran.stdout.splitlines()[-1])


def test_every_way_comes_to_what_the_document_says(table):
    assert DOCUMENT.read_text(encoding="utf-8") == written(table)


def test_what_works_finds_the_rounding_and_what_does_not_says_what_to_do(table):
    every = [row for found in table.values() for row in found]
    assert len(every) >= 60
    works = [row for row in every if row[1].startswith("works")]
    assert [row for row in works if "GL103" not in row[1] and "Round" not in row[1]] == []
    assert len(works) >= 40
    assert [row for row in every if "internal error" in row[1] or "Error:" not in row[1] + "Error:"] == []


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        found_here = rows(Path(place))
        if "--print" in sys.argv:
            print(json.dumps(found_here))
        else:
            DOCUMENT.write_text(written(found_here), encoding="utf-8")
