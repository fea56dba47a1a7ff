"""Lines of the user's code that no recording knows: found in the source of what is loaded, or not named at all."""

from __future__ import annotations

import ast
import textwrap
import types
from dataclasses import replace

import pytest
from flows import flow

from gradlint.checking.loaded import loaded
from gradlint.checking.origins import Origins
from gradlint.finding import Cause, Finding, Severity
from gradlint.load.binding import Binding
from gradlint.load.spec import ArraySpec, InputSpec, LayerSpec, ModelSpec
from gradlint.passes.facts import Facts
from gradlint.rules import rules_matching


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Makes a text the source of a loaded module, the only one beside those that this fixture makes."""
    modules: dict[str, types.ModuleType] = {}
    monkeypatch.setattr("gradlint.checking.loaded.sys", types.SimpleNamespace(modules=modules))

    def load(text, name="users_net"):
        file = tmp_path / f"{name}.py"
        file.write_text(textwrap.dedent(text))
        module = types.ModuleType(name)
        module.__file__ = str(file)
        modules[name] = module
        return file

    return load


def layer(path, class_name="Dense", **config):
    return LayerSpec(path, path.rpartition("/")[2], class_name, "keras.layers", None, (), config)


def facts(*layers, inputs=("pixels",), keys=()):
    return Facts(
        spec=ModelSpec(
            "m",
            "Functional",
            inputs=tuple(InputSpec(key, name, (None, 2), "float32") for key, name in map(_pair, inputs)),
            layers=layers,
        ),
        arrays=tuple(ArraySpec(key, (4, 2), "float32") for key in keys),
    )


def _pair(entry):
    return entry if isinstance(entry, tuple) else (entry, entry)


def line_of(facts, code="GL301", layer=None, inputs=(), evidence=None, cause=None):
    finding = Finding(code, "x", Severity.ERROR, "m", inputs, cause=cause or Cause(layer), evidence=evidence or {})
    (rule,) = rules_matching(code)
    placed = Origins(facts).place(finding, rule.blames).cause
    return placed.line


OUT = layer("out", activation="relu", kernel_initializer={"class_name": "GlorotUniform", "config": {}})


class TestCreation:
    def test_is_the_call_with_the_name(self, load):
        load("""
            x = keras.Input((2,), name="pixels")
            y = keras.layers.Dense(2, name="out")(x)
        """)
        assert line_of(facts(OUT), layer="out") == 3

    @pytest.mark.parametrize(
        ("code", "line"),
        [
            ("h = keras.ops.round(x)", 2),
            ("def rounded(x):\n    return ops.round(x)\nh = rounded(rounded(x))", 3),
            ("h = round(x)", 2),
            ("h = keras.ops.round(x)\nprint(np.round(3.7))", None),  # which of the two?
            ("class Own(Layer):\n    def call(self, x):\n        return ops.round(x)", None),
            ("h = Lambda(lambda x: ops.round(x))(x)", None),
        ],
    )
    def test_of_an_operation_of_keras_is_its_only_call(self, load, code, line):
        load(f"x = keras.Input((2,))\n{code}\n")
        made = LayerSpec("round", "round", "Round", "keras.src.ops.numpy", None, (), {"decimals": 0})
        assert line_of(facts(layer("dense"), made, inputs=("input_layer",)), layer="round") == line

    def test_of_an_operation_two_modules_with_a_call_say_nothing(self, load):
        made = LayerSpec("round_1", "round_1", "Round", "keras.src.ops.numpy", None, (), {"decimals": 0})
        load("def loss(y, p):\n    return ops.mean(ops.round(p) - y)\n", "losses")
        assert line_of(facts(made), layer="round_1") is None  # it makes no Input
        load("x = keras.Input((2,))\nh = keras.ops.round(x)\n")
        assert line_of(facts(made), layer="round_1") is None

    def test_of_what_an_operator_makes_a_call_says_nothing(self, load):
        load("x = keras.Input((2,))\nh = x > 0\nn = keras.ops.greater(3, 2)\n")
        made = LayerSpec("greater", "greater", "Greater", "keras.src.ops.numpy", None, (), {})
        assert line_of(facts(made), layer="greater") is None

    def test_of_a_layer_around_it_will_do(self, load):
        load('x = Input(name="pixels")\nencoder = make_encoder(name="encoder")\n')
        assert line_of(facts(layer("encoder", "Functional"), layer("encoder/dense_7")), layer="encoder/dense_7") == 2

    def test_a_line_that_is_known_stays(self, load):
        load('x = Input(name="pixels")\nout = Dense(1, name="out")(x)\n')
        assert line_of(facts(OUT), cause=Cause("out", "Log", "loss.py", 70)) == 70

    def test_two_that_have_the_name_say_nothing(self, load):
        load('x = Input(name="pixels")\na = Dense(1, name="out")(x)\nb = Dense(2, name="out")(x)\n')
        assert line_of(facts(OUT), layer="out") is None

    def test_the_module_that_knows_more_of_the_model_wins(self, load):
        load('y = Dense(1, name="out")(x)\n', "another_net")
        load('\n\nx = Input((2,), name="pixels")\ny = Dense(1, name="out")(x)\n')
        assert line_of(facts(OUT), layer="out") == 4

    def test_two_modules_that_know_equally_much_say_nothing(self, load):
        for name in ("one_net", "another_net"):
            load('x = Input((2,), name="pixels")\ny = Dense(1, name="out")(x)\n', name)
        assert line_of(facts(OUT), layer="out") is None

    def test_a_module_that_shares_only_a_name_says_nothing(self, load):
        load('y = Dense(1, name="out")(x)\n')
        assert line_of(facts(layer("fc1"), layer("fc2"), OUT), layer="out") is None

    def test_names_of_keras_are_expected_nowhere(self, load):
        load('x = Input((2,), name="pixels")\ny = Dense(1, name="out")(x)\n')
        automatic = [layer(f"dense_{number}") for number in range(9)]
        assert line_of(facts(*automatic, layer("batch_normalization", "BatchNormalization"), OUT), layer="out") == 2

    def test_an_input_that_reaches_nothing_is_where_it_is_made(self, load):
        load('x = Input((2,), name="pixels")\ny = Dense(1, name="out")(x)\n')
        assert line_of(facts(OUT), code="GL101", inputs=("pixels",)) == 1

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ('for c in "ab":\n    x[c] = Input((2,), name=c)\nout = Dense(1, name="out")(x)', 2),
            ('for c in "ab":\n    x[c] = Input((2,), name=c)\ny = Input((1,), name=d)\nDense(1, name="out")', None),
            ('x = {c: Input((2,), name=f"pix{c}") for c in d}\nz = Input((1,), name=d)\nDense(1, name="out")', 1),
        ],
    )
    def test_an_input_whose_name_is_computed_is_where_only_one_is_made(self, load, text, line):
        load(text)
        assert line_of(facts(OUT), code="GL101", inputs=("pixels",)) == line

    def test_a_name_that_is_written_in_part(self, load):
        load("""
            def tower(side):
                return Dense(2, name=f"{side}_tower")
            out = Dense(1, name="out")(Input(name="pixels"))
        """)
        assert line_of(facts(OUT, layer("left_tower"), layer("right_tower")), layer="right_tower") == 3

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("for part in model.layers:\n    part.trainable = False", 4),
            ("base = Net(trainable=False)", 3),
            ("base.trainable = False\nhead.trainable = False", None),
            ("base.trainable = True", None),
            ("base.trainable = False\nfor b in net.layers:\n    b.trainable = False\nnet.compile()", 5),
            ("net.trainable = False\nfor n, b in enumerate(base.layers):\n    b.trainable = False\nnet.compile()", 3),
            ("def f(net):\n    net.trainable = False\ndef g(net):\n    net.trainable = False\n    net.compile()", 6),
            ("def f(self):\n    self.a.trainable = False\n    self.a.compile()\nx.trainable = False", 4),
            ("net.trainable = False\nnet.compile()\nfor b in net.layers:\n    b.trainable = False", None),
        ],
    )
    @pytest.mark.parametrize("named", ["out", None])
    def test_what_freezes_the_layers(self, load, text, line, named):
        load('x = Input(name="pixels")\nout = Dense(1, name="out")(x)\n' + text)
        assert line_of(facts(OUT), code="GL108", layer=named) == line

    def test_a_module_that_does_not_parse_is_passed_over(self, load):
        load('Dense(name="out" pixels\n')
        assert line_of(facts(OUT), layer="out") is None


NET = """
    def net(size, activation, init):
        x = keras.Input((2,), name="pixels")
        return keras.layers.Dense(size, activation=activation, kernel_initializer=init(3), name="out")(x)

    def broken():
        return net(1, {broken}, init=lambda i: Constant(i))

    def mended():
        return net(1, {mended}, init=lambda i: GlorotUniform(i))
"""


class TestArgument:
    @pytest.mark.parametrize(
        ("broken", "mended"),
        [
            ("'relu'", "'linear'"),
            ("keras.activations.relu", "None"),
            ("activation='relu'", "activation='tanh'"),
            ("tf.nn.relu", "unknown"),
        ],
    )
    def test_is_where_it_is_handed_in(self, load, broken, mended):
        load(NET.format(broken=broken, mended=mended))
        assert line_of(facts(OUT), code="GL202", layer="out") == 7

    def test_of_an_initializer(self, load):
        load(NET.format(broken="a", mended="b"))
        assert line_of(facts(OUT), code="GL206", layer="out") == 10

    def test_linear_is_none(self, load):
        load(NET.format(broken="None", mended="'relu'"))
        assert line_of(facts(layer("out", activation="linear")), code="GL202", layer="out") == 7

    def test_two_calls_that_fit_leave_the_creation(self, load):
        load(NET.format(broken="'relu'", mended="'relu'"))
        assert line_of(facts(OUT), code="GL202", layer="out") == 4

    def test_a_value_of_unknown_make_leaves_the_creation(self, load):
        load(NET.format(broken="chosen()", mended="other"))
        assert line_of(facts(OUT), code="GL202", layer="out") == 4

    def test_a_rule_about_something_else_leaves_the_creation(self, load):
        load(NET.format(broken="'relu'", mended="None"))
        assert line_of(facts(OUT), code="GL301", layer="out") == 4

    def test_written_with_the_creation(self, load):
        load("""
            def net(size):
                x = Input((2,), name="pixels")
                return Dense(size, activation="relu", name="out")(x)

            net("relu")
        """)
        assert line_of(facts(OUT), code="GL202", layer="out") == 4

    def test_through_functions_classes_and_defaults(self, load):
        load("""
            class Net:
                def __init__(self, activation):
                    x = Input((2,), name="pixels")
                    self.out = TimeDistributed(Dense(1, activation=activation), name="out")(x)

            def make(kind="relu"):
                return Net(kind)

            make()
            make("tanh")
        """)
        wrapped = layer("out", "TimeDistributed", layer={"class_name": "Dense", "config": {"activation": "relu"}})
        assert line_of(facts(wrapped), code="GL202", layer="out") == 7

    def test_functions_that_call_each_other_end(self, load):
        load("""
            def net(activation):
                net(activation)
                return Dense(1, activation=activation, name="out")(Input(name="pixels"))
        """)
        assert line_of(facts(OUT), code="GL202", layer="out") == 4


class TestTwoBuilders:
    BUILDER = """
        def {name}():
            inputs = {{column: keras.Input((1,), name=column) for column in COLUMNS}}
            return keras.Model(inputs, keras.layers.Dense(1{more}, name="score")(merged(inputs)))
    """

    @pytest.mark.parametrize(("more", "line"), [("", 4), (", 'relu'", None)], ids=["alike", "another layer"])
    def test_a_layer_that_both_make(self, load, more, line):
        text = textwrap.dedent(self.BUILDER)
        load(text.format(name="one", more="") + text.format(name="two", more=more))
        assert line_of(facts(layer("score"), inputs=("region",)), layer="score") == line

    def test_a_layer_of_another_class_by_the_same_name_is_another(self, load):
        load("""
            def norm(kind, h):
                if kind == "group":
                    return GroupNormalization(groups=-1, name="norm")(h)
                return LayerNormalization(name="norm")(h)
        """)
        assert line_of(facts(layer("norm", "LayerNormalization"), inputs=()), layer="norm") == 5
        assert line_of(facts(layer("norm", "GroupNormalization"), inputs=()), layer="norm") == 4
        assert line_of(facts(layer("norm", "BatchNormalization"), inputs=()), layer="norm") is None

    def test_an_input_that_both_make(self, load):
        text = textwrap.dedent(self.BUILDER)
        load(text.format(name="one", more="") + text.format(name="two", more=""))
        assert line_of(facts(layer("score"), inputs=("region",)), code="GL101", layer="region") == 3


class TestWhatIsToBlame:
    def test_labels_that_the_loss_cannot_take_are_where_it_is_compiled(self, load):
        load("""
            words = keras.Input((4,), name="words")
            model = keras.Model(words, keras.layers.Dense(3, name="tags")(words))
            model.compile("adam", loss="sparse_categorical_crossentropy")
        """)
        assert line_of(facts(layer("tags"), inputs=("words",)), code="GL410", layer="tags") == 4

    @pytest.mark.parametrize(("key", "line"), [("item_id", 7), ("user_id", None)])
    def test_an_unread_key_is_where_the_one_most_like_it_is_read(self, load, key, line):
        load("""
            class Recommender(keras.Model):
                def __init__(self):
                    self.tower = keras.layers.Dense(4, name="tower")
                def call(self, inputs):
                    user = self.tower(inputs["user_id"])
                    item = self.tower(inputs["user_id"])
                    return user * item + inputs["age"]
        """)
        given = facts(layer("tower"), inputs=())
        flow_of_three = flow("h = Mul user_id age", "-- loss", "loss() = Mean h", inputs=["user_id", "item_id", "age"])
        given = replace(given, flow=flow_of_three)
        assert line_of(given, code="GL101", layer=key, inputs=(key,)) == line

    def test_an_output_of_a_submodel_that_nobody_takes_is_where_its_layer_is_made(self, load):
        load("""
            h = keras.layers.Dense(4, name="hidden")(x)
            log_var = keras.layers.Dense(4, name="log_var")(h)
        """)
        cause = Cause("encoder/log_var", "AddV2", "net.py", 16)
        given = facts(layer("encoder/hidden"), layer("encoder/log_var"), inputs=())
        assert line_of(given, code="GL102", cause=cause, evidence={"kind": "sub-model output"}) == 3
        assert line_of(given, code="GL102", cause=cause, evidence={"kind": "dropped"}) == 16


class TestSample:
    @pytest.mark.parametrize(
        "text",
        ["{'a': 1,\n 'bb': 2,\n 'y': 3}", "dict(a=1,\n bb=2,\n y=3)", "np.savez('s.npz', a=1,\n bb=2, y=3)"],
    )
    def test_a_key_is_where_it_is_written(self, load, text):
        load(text)
        assert line_of(facts(keys=("a", "bb", "y")), code="GL402", inputs=("bb",)) == 2

    def test_a_missing_key_is_where_the_one_that_looks_like_it_is(self, load):
        load("{'a': 1,\n 'bb': 2, 'y': 3}")
        found = line_of(facts(keys=("a", "bb", "y")), code="GL401", inputs=("b",), evidence={"close_match": "bb"})
        assert found == 2

    def test_labels_may_come_later(self, load):
        load("sample = {'a': 1, 'bb': 2}\nsample['y'] = 3")
        assert line_of(facts(keys=("a", "bb", "y")), code="GL402", inputs=("bb",)) == 1

    @pytest.mark.parametrize(
        "text",
        [
            "{'a': 1, 'bb': 2, 'y': 3}\n{'a': 1, 'bb': 2, 'y': 3}",
            "{'bb': 1}",
            "{'a': 1, 'bb': 2, 'y': 3, 'other': 4}",
            "{'a': 1, 'bb': 2, **more}",
        ],
        ids=["two places", "too few keys", "another's", "not all written"],
    )
    def test_what_is_not_certain_is_not_named(self, load, text):
        load(text)
        assert line_of(facts(keys=("a", "bb", "y")), code="GL402", inputs=("bb",)) is None

    def test_crossed_keys_are_where_the_dict_is(self, load):
        load("""
            def make(crossed):
                t = keras.Input((4,), name="token")
                s = keras.Input((4,), name="segment")
                right = {"token": t, "segment": s}
                wrong = {"token": s, "segment": t}
                return keras.Model(wrong if crossed else right, t)
        """)
        crossed = facts(inputs=(("token", "segment"), ("segment", "token")))
        assert line_of(crossed, code="GL408", inputs=("token", "segment")) == 6

    @pytest.mark.parametrize(("unpacked", "line"), [("a, b, y", 8), ("b, a, y", 7), ("[a, b, *y]", 8), ("b", None)])
    def test_crossed_keys_of_inputs_that_a_function_returns(self, load, unpacked, line):
        load(f"""
            def ends():
                token = keras.Input((4,), name="token")
                b = keras.Input((4,), name="segment")
                return token, b, keras.layers.Dense(1)(token + b)
            {unpacked} = ends()
            right = keras.Model({{"token": a, "segment": b}}, y)
            wrong = keras.Model({{"token": b, "segment": a}}, y)
        """)
        crossed = facts(inputs=(("token", "segment"), ("segment", "token")))
        assert line_of(crossed, code="GL408", inputs=("token", "segment")) == line

    @pytest.mark.parametrize("ends", ["return ends()", "return (a, b)\n    return b, a"])
    def test_inputs_of_an_endless_or_ambiguous_function_are_unknown(self, load, ends):
        load(f"""
def ends():
    a = keras.Input((4,), name="token")
    b = keras.Input((4,), name="segment")
    {ends}
a, b = ends()
wrong = keras.Model({{"token": b, "segment": a}}, y)
""")
        crossed = facts(inputs=(("token", "segment"), ("segment", "token")))
        assert line_of(crossed, code="GL408", inputs=("token", "segment")) is None

    @pytest.mark.parametrize(("labels", "line"), [((("", "y"),), 3), ((), 2), ((("", "a"),), 1)])
    def test_of_arrays_that_do_not_agree_it_is_the_labels(self, load, labels, line):
        load("{'a': 1,\n 'bb': 2,\n 'y': 3}")
        given = replace(facts(keys=("a", "bb", "y")), binding=Binding((), labels))
        keys = ("a", "y", "bb") if labels else ("a", "bb")
        assert line_of(given, code="GL406", inputs=keys) == line


LOST = {"label_shape": [7, 1], "prediction_shape": [7]}


class TestLostAxis:
    def test_is_where_the_layer_is_made(self, load):
        load('x = Input((2,), name="pixels")\nout = Squeeze(name="out")(x)\n')
        cause = Cause("out", "Sub", "loss.py", 70)
        assert line_of(facts(OUT), code="GL405", cause=cause, evidence=LOST) == 2

    def test_is_the_loss_where_that_is_unknown(self, load):
        load('x = Input((2,), name="pixels")')
        cause = Cause("out", "Sub", "loss.py", 70)
        assert line_of(facts(OUT), code="GL405", cause=cause, evidence=LOST) == 70

    @pytest.mark.parametrize(("output", "line"), [("o(7)", 2), ("o(7,3)", 70)], ids=["the model", "the loss"])
    def test_is_the_loss_where_that_slices_the_output(self, load, output, line):
        load('x = Input((2,), name="pixels")\nout = Squeeze(name="out")(x)\n')
        run = flow(f"{output} = MatMul pixels k @out", "-- loss", "loss() = Mean o", inputs=["pixels"], outputs=["o"])
        given = replace(facts(OUT), flow=run)
        assert line_of(given, code="GL405", cause=Cause("out", "Sub", "loss.py", 70), evidence=LOST) == line

    def test_labels_that_lack_the_axis_are_met_in_the_loss(self, load):
        load('x = Input((2,), name="pixels")\nout = Dense(1, name="out")(x)\n')
        evidence = {"label_shape": [7], "prediction_shape": [7, 1]}
        assert line_of(facts(OUT), code="GL405", cause=Cause("out", "Sub", "l.py", 70), evidence=evidence) == 70


def test_the_files_of_a_large_project_are_parsed_once(load, monkeypatch):
    for number in range(300):
        load("keras.layers.Dense(3, name='head')", f"net{number}")
    assert len(loaded({"head"})) == 300
    monkeypatch.setattr(ast, "parse", None)
    assert len(loaded({"head"})) == 300
