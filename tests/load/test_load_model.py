from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import textwrap
import warnings
import zipfile
from dataclasses import replace

import pytest

from gradlint.errors import ModelFileError, UnsafeModelError, UsageError
from gradlint.load.model import load_target
from gradlint.load.model.code import import_user_modules, is_factory
from gradlint.load.model.live import spec_from_model
from gradlint.load.preflight import read_spec
from gradlint.load.sample import synthesise
from gradlint.upstream.starting import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402
from keras import layers  # noqa: E402
from keras.src.backend.common import global_state  # noqa: E402


def load_model(path, **options):
    return load_target(path, **options)[0]


def towers():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), dtype="int32", name="b")
    tower = keras.Sequential([keras.Input((4,)), layers.Dense(2)], name="tower")
    joined = layers.Concatenate(name="cat")([tower(a), layers.Flatten()(layers.Embedding(5, 2)(b))])
    model = keras.Model({"left": a, "b": b}, {"p": layers.Dense(1, name="head")(joined)})
    model.compile("adam", {"p": "mse"})
    return model


class Doubled(layers.Layer):
    def call(self, x):
        return 2 * x


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(2, name="inner")

    def call(self, x):
        return self.dense(x)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "towers.keras"
    towers().save(path)
    return path


def test_the_file_and_the_live_model_say_the_same(saved):
    in_file, _ = read_spec(saved)
    live = spec_from_model(load_model(saved))
    assert {layer.path: layer.inbound for layer in live.layers} == {
        layer.path: layer.inbound for layer in in_file.layers
    }
    assert replace(live, layers=()) == replace(in_file, layers=())


def test_a_made_up_sample_runs(saved):
    from gradlint.record.objective import Batch

    model = load_model(saved)
    spec = spec_from_model(model)
    args, kwargs = Batch(synthesise(spec, 0), spec.structure, {}, None).packed(model)
    assert model(*args, **kwargs)["p"].shape == (4, 1)


def test_global_state_stays_as_it_was(saved):
    def state():
        names = dict(global_state.get_global_attribute("object_name_uids") or {})
        return random.getstate(), names, list(warnings.filters)

    before = state()
    model = load_model(saved)
    spec_from_model(model)
    assert state() == before


def test_legacy_files_keep_their_loss(tmp_path):
    # Keras 3 itself fails to load this file: "Could not deserialize 'keras.metrics.mse'".
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.compile("adam", "mse")
    model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    assert loaded.loss == "mse"
    assert spec_from_model(loaded).inputs[0].shape == (None, 4)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_lambdas_need_trust(suffix, tmp_path):
    path = tmp_path / f"m.{suffix}"
    x = keras.Input((2,))
    keras.Model(x, layers.Lambda(lambda t: t * 2, name="twice")(x)).save(path)
    with pytest.raises(UnsafeModelError, match=r"'twice' holds marshalled Python code.*--trust-model"):
        load_model(path)
    assert load_model(path, trust=True).count_params() == 0


def test_custom_classes_need_an_import_or_a_registration(tmp_path):
    path = tmp_path / "m.keras"
    x = keras.Input((2,))
    keras.Model(x, Doubled()(x)).save(path)
    for trust in (False, True):
        with pytest.raises(ModelFileError, match="unknown class 'Doubled'"):
            load_model(path, trust=trust)
    with keras.saving.custom_object_scope({"Doubled": Doubled}):
        assert load_model(path).name


def test_import_of_a_file_registers_its_classes_once(tmp_path, monkeypatch):
    file = tmp_path / "own_layers.py"
    file.write_text(
        textwrap.dedent("""
        import keras
        @keras.saving.register_keras_serializable("own_layers")
        class Tripled(keras.layers.Layer):
            def call(self, x):
                return 3 * x
        def build():
            x = keras.Input((2,))
            return keras.Model(x, Tripled()(x)), {"x": [[1.0, 2.0]]}
        """)
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    import_user_modules([str(file), str(file)])
    module = sys.modules["own_layers"]
    assert keras.saving.get_registered_object("own_layers>Tripled") is module.Tripled
    model, sample = load_target("own_layers:build")
    model.save(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras", imports=[str(file)]).name
    assert sample == {"x": [[1.0, 2.0]]}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("no_such_module:build", "cannot be imported: ModuleNotFoundError"),
        ("os.path:build", "cannot be imported: AttributeError: .* has no attribute 'build'$"),
        ("json:laods", r"AttributeError: .* no attribute 'laods'; did you mean loads( or \w+)*\?$"),
        ("json:JSONDecoder.decod", r"AttributeError: .* no attribute 'decod'; did you mean decode( or raw_decode)?\?$"),
        ("json:loads", "failed: TypeError"),
        ("os:getcwd", "returned str; it must return a keras.Model"),
    ],
)
def test_factories_that_do_not_work(target, words):
    assert is_factory(target)
    with pytest.raises(ModelFileError, match=words):
        load_model(target)


def test_a_module_of_a_name_much_like_one_that_is_there(tmp_path, monkeypatch):
    (tmp_path / "mymodel.py").write_text("def build(): ...")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFileError, match=r"No module named 'mymodl'; did you mean mymodel\?"):
        load_model("mymodl:build")


def test_imports_that_do_not_work(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("x = 1\nx.y\n")
    with pytest.raises(UsageError, match=r"bad.py failed: AttributeError: .*\(.*bad.py:2\)"):
        import_user_modules([str(bad)])
    with pytest.raises(UsageError, match="no_such_module failed: ModuleNotFoundError"):
        import_user_modules(["no_such_module"])
    with pytest.raises(UsageError, match="does not exist"):
        import_user_modules([str(tmp_path / "none.py")])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b'"units": 1', b'"units": 7', "the weights do not fit the model"),
        (b'"units": 1', b'"units": "x"', "Keras could not build the model: .*(units|shape)"),
    ],
)
def test_models_that_do_not_build(old, new, words, saved, tmp_path):
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(tmp_path / "m.keras", "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(old, new))
    with pytest.raises(ModelFileError, match=words) as caught:
        load_model(tmp_path / "m.keras")
    assert str(caught.value).isprintable()
    assert caught.value.__cause__ is not None


def test_a_wrong_ending(saved, tmp_path):
    path = tmp_path / "m.zip"
    path.write_bytes(saved.read_bytes())
    with pytest.raises(ModelFileError, match=r"a name ending in \.keras"):
        load_model(path)


def test_live_subclassed_models_are_described():
    model = Subclassed(name="sub")
    assert spec_from_model(model).inputs is None
    model(keras.ops.ones((2, 3)))
    spec = spec_from_model(model)
    assert (spec.name, [entry.path for entry in spec.layers]) == ("sub", ["inner"])
    assert [(entry.shape, entry.declared) for entry in spec.inputs] == [((None, 3), False)]


def test_tensorflow_starts_without_a_word():
    code = "from gradlint.upstream.starting import quiet_tensorflow; quiet_tensorflow()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("members", [("assets/x", "assets/x/y"), ("assets/x/y", "assets/x"), ("assets/" + "n" * 300,)])
def test_odd_members_leave_no_folder_behind(members, saved, tmp_path, monkeypatch):
    path = tmp_path / "m.keras"
    path.write_bytes(saved.read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        for member in members:
            archive.writestr(member, "1")
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    with pytest.raises(ModelFileError):
        load_model(path)
    assert list(place.iterdir()) == []
    assert tempfile.tempdir == str(place)
