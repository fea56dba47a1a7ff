"""The configuration file: what it means, where its mistakes are, and what wins over what."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlint.errors import ConfigError
from gradlint.options import Settings
from gradlint.project.config import (
    Config,
    find_config,
    load_config,
    paired_target,
    paired_targets,
)
from gradlint.project.showing import shown_config
from gradlint.project.toml_lines import key_lines

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EVERYTHING = """\
[project]
name = "towers"

[tool.gradlint]
select = ["GL1", "dead-relu"]
ignore = ["GL106"]
fail-on = "warning"
imports = ["src/layers.py", "towers.losses"]
baseline = "known.json"
jobs = 2

[tool.gradlint.per-layer-ignores]
"target_*" = ["GL104", "GL102"]

[tool.gradlint.targets.towers]
model = "models/towers.keras"
sample = "models/towers.npz"
loss = "mse"
depth = "preflight"
mode = "inference"
seed = 7
probes = 0
causal = ["tokens", "frames:2"]
trust = true
targets = ["y", "head=labels"]
mapping = { left = "a", right = "b" }
per-layer-ignores = { "teacher/**" = "GL104" }

[tool.gradlint.targets.built]
model = "towers.factory:build"
select = []
"""


def read(tmp_path: Path, text: str, name: str = "pyproject.toml") -> Config:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def mistakes(tmp_path: Path, text: str, name: str = "pyproject.toml") -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text, name)
    _, *lines = str(refused.value).splitlines()
    return [line.removeprefix(f"{tmp_path / name}:") for line in lines]


def test_paths_are_without_detours_where_that_is_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "conf" / "link").symlink_to(tmp_path / "elsewhere" / "deep")
    text = (
        'baseline = "../known.json"\nsources = ["../src"]\nimports = ["../layers.py"]\n'
        '[targets.t]\nmodel = "../m.keras"\nsample = "link/../s.npz"\n'
    )
    config = read(tmp_path / "conf", text, "gradlint.toml")
    (target,) = config.targets
    assert (config.baseline, config.sources) == (tmp_path / "known.json", (str(tmp_path / "src"),))
    assert target.settings.said["imports"] == (str(tmp_path / "layers.py"),)
    assert target.model == str(tmp_path / "m.keras")
    assert target.sample == str(tmp_path / "conf/link/../s.npz")  # which is beside `deep`


def test_everything(tmp_path: Path) -> None:
    config = read(tmp_path, EVERYTHING)
    assert config.folder == tmp_path
    assert config.baseline == tmp_path / "known.json"
    assert config.jobs == 2
    shared = {
        "select": ("GL1", "dead-relu"),
        "ignore": ("GL106",),
        "fail_on": "warning",
        "imports": (str(tmp_path / "src/layers.py"), "towers.losses"),
    }
    assert config.settings.said == shared
    assert [str(allowance) for allowance in config.allowed] == ["GL104 at 'target_*'", "GL102 at 'target_*'"]
    assert {allowance.origin for allowance in config.allowed} == {f"{tmp_path / 'pyproject.toml'}:13"}
    towers, built = config.targets
    assert (towers.name, towers.model, towers.sample, towers.line) == (
        "towers",
        str(tmp_path / "models/towers.keras"),
        str(tmp_path / "models/towers.npz"),
        15,
    )
    assert towers.settings.said == shared | {
        "loss": "mse", "depth": "preflight", "mode": "inference", "seed": 7, "probes": 0,
        "causal": ("tokens", "frames:2"), "trust_model": True,
        "targets": ((None, "y"), ("head", "labels")), "mapping": (("left", "a"), ("right", "b")),
    }  # fmt: skip
    assert [str(allowance) for allowance in towers.allowed] == ["GL104 at 'teacher/**'"]
    assert (built.model, built.sample) == ("towers.factory:build", None)
    assert built.settings.said["select"] == ()  # said, and so not that of the file


def test_a_file_of_its_own_has_no_prefix(tmp_path: Path) -> None:
    config = read(tmp_path, 'fail-on = "never"\n[targets.a]\nmodel = "a.keras"\n', "gradlint.toml")
    assert config.settings.options.fail_on == "never"
    assert [target.name for target in config.targets] == ["a"]


def test_thresholds_of_a_target_complete_those_of_the_file(tmp_path: Path) -> None:
    text = """
thresholds = { trend-orders = 3, saturated-share = 0.5 }
[targets.a]
model = "m.keras"
thresholds.saturated-share = 0.9
"""
    config = read(tmp_path, text, "gradlint.toml")
    (target,) = config.targets
    assert dict(target.settings.options.thresholds) == {"trend-orders": 3, "saturated-share": 0.9}
    stronger = Settings({"thresholds": (("trend-orders", 9.0),)}).over(target.settings)
    assert dict(stronger.options.thresholds) == {"trend-orders": 9.0, "saturated-share": 0.9}
    assert "thresholds = { trend-orders = 3, saturated-share = 0.5 }" in shown_config(config, Settings())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('slect = ["GL1"]', "2: tool.gradlint.slect is not known; did you mean select?"),
        ('fail_on = "error"', "2: tool.gradlint.fail_on is not known; did you mean fail-on?"),
        ("colour = true", "2: tool.gradlint.colour is not known; known are baseline, batch, causal,"),
        ('fail-on = "eror"', "2: fail-on: 'eror' is not one of error, warning, never; did you mean error?"),
        ("fail-on = 1", "2: fail-on: 1 is not one of"),
        ('depth = "deep"', "2: depth: 'deep' is not one of preflight, structure, values"),
        ('mode = "eager"', "2: mode: 'eager' is not one of training, inference"),
        ("seed = -1", "2: seed: -1 is not a whole number from 0"),
        ("seed = true", "2: seed: True is not a whole number from 0"),
        ("jobs = 0", "2: jobs: 0 is not a whole number from 1"),
        ('trust = "yes"', "2: trust: 'yes' is not true or false"),
        ('imports = "layers.py"', "2: imports: 'layers.py' is not a list of texts"),
        ("loss = 3", "2: loss: 3 is not text"),
        ('baseline = ""', "2: baseline: '' is not text"),
        ('select = [\n  "GL1",\n  "GL1033",\n]', "4: select: no rule is called 'GL1033'; did you mean GL103?"),
        ('targets = ["y"]', "2: tool.gradlint.targets must be a table"),
        ("mapping = { a = 1 }", "2: mapping: {'a': 1} is not a table of texts"),
        ('[tool.gradlint.per-layer-ignores]\n"a" = ["GL104"]\n"b" = ["GL999"]', "4: b: no rule is called 'GL999'"),
        ("per-layer-ignores = 3", "2: tool.gradlint.per-layer-ignores must be a table"),
        ("thresholds = 3", "2: thresholds: 3 is not a table of numbers"),
        ("[tool.gradlint.thresholds]\ntrend-orders = 3\nsaturated = 1", "4: there is no threshold 'saturated'"),
        ("[tool.gradlint.thresholds]\nsaturated-share = 2", "3: the threshold saturated-share must be a number from"),
        ("thresholds = { trend-orders = true }", "2: the threshold trend-orders must be a number"),
        ("[tool.gradlint.targets.a]", "2: target 'a' has no model"),
        ('[tool.gradlint.targets."a b"]\nmodel = "m.keras"', "2: 'a b' is no name for a target"),
        ('[tool.gradlint.targets]\na = "m.keras"', "3: tool.gradlint.targets.a must be a table"),
        ('[tool.gradlint.targets]\na = { model = "m", sampel = "s" }', "3: tool.gradlint.targets.a.sampel is not"),
        ('[tool.gradlint.targets.a]\nmodel = "m"\ntargets = ["=y"]', "4: targets: '=y' is not KEY or OUTPUT=KEY"),
        ('[tool.gradlint.targets.a]\nmodel = "m"\nbaseline = "b"', "4: tool.gradlint.targets.a.baseline is not known"),
    ],
)
def test_a_mistake_and_its_line(tmp_path: Path, text: str, expected: str) -> None:
    found = mistakes(tmp_path, f"[tool.gradlint]\n{text}\n")
    assert found[0].startswith(expected), found


def test_mistakes_come_together_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "[tool.gradlint]\njobs = 0\n[tool.gradlint.targets.a]\nmodel = 1\nseed = -1\n[tool.other]\nslect = 1\n"
    assert mistakes(tmp_path, text) == [
        "2: jobs: 0 is not a whole number from 1",
        "4: model: 1 is not text",
        "5: seed: -1 is not a whole number from 0",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"[tool.gradlint\n", r"is not TOML: .*line 1"), (b"\xff", "cannot be read"), (b"a = 1\na = 2\n", "is not TOML")],
)
def test_what_is_no_toml(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "gradlint.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_config(file)


class TestLines:
    def test_texts_and_lists_hide_what_looks_like_keys(self) -> None:
        text = (
            'a = """\n[no]\nno = 1\n"""\nb = [\n  ["no"],\n  "no = 1", # ]\n]\n'
            "c = '''\nno = 2'''\n[d.\"e.f\"]\n'g' = 1\nh.i = \"#\"\n"
        )
        tomllib.loads(text)
        assert key_lines(text) == {
            ("a",): 1, ("b",): 5, ("c",): 9, ("d", "e.f"): 11, ("d", "e.f", "g"): 12, ("d", "e.f", "h", "i"): 13,
        }  # fmt: skip

    @given(
        st.dictionaries(
            st.text("ab", min_size=1, max_size=3),
            st.sampled_from(["1", '"#"', '"""\nx = 1\n[t]\n"""', "[\n[1],\n[2]]", "{ z = 1 }", "'[' # ]", "'''\n'''"]),
            max_size=5,
        )
    )
    def test_every_key_is_on_its_line(self, keys: dict[str, str]) -> None:
        lines = ["[head]"]
        expected = {("head",): 1}
        for key, value in keys.items():
            expected["head", key] = len(lines) + 1
            lines += f"{key} = {value}".split("\n")
        tomllib.loads("\n".join(lines))
        assert key_lines("\n".join(lines)) == expected


class TestFinding:
    def test_the_nearest_one_with_a_table_of_ours(self, tmp_path: Path) -> None:
        inner = tmp_path / "a" / "b"
        inner.mkdir(parents=True)
        (tmp_path / "pyproject.toml").write_text("[tool.gradlint]\n")
        (tmp_path / "a" / "pyproject.toml").write_text('[project]\nname = "gradlint"\n')
        assert find_config(inner) == tmp_path / "pyproject.toml"
        (inner / "gradlint.toml").write_text("")
        assert find_config(inner) == inner / "gradlint.toml"
        (inner / "pyproject.toml").write_text("[tool.gradlint]\n")
        assert find_config(inner) == inner / "gradlint.toml"

    def test_a_repository_is_the_end(self, tmp_path: Path) -> None:
        (tmp_path / "gradlint.toml").write_text("")
        (tmp_path / "repository" / ".git").mkdir(parents=True)
        assert find_config(tmp_path / "repository") is None

    @pytest.mark.parametrize("header", ["[tool.gradlint]", "[ tool . gradlint ]", '[tool."gradlint".targets.a]'])
    def test_ways_to_write_the_table(self, tmp_path: Path, header: str) -> None:
        (tmp_path / "pyproject.toml").write_text(f'{header}\nmodel = "a.keras"\n')
        assert find_config(tmp_path) is not None


class TestPairs:
    def test_a_model_beside_a_sample_of_its_name(self, tmp_path: Path) -> None:
        config = read(tmp_path, 'fail-on = "warning"\n[targets.taken]\nmodel = "m/taken.keras"\n', "gradlint.toml")
        (tmp_path / "m").mkdir()
        for name in ("own.keras", "own.npz", "alone.keras", "taken.keras", "taken.npz", "old.h5", "old.npz"):
            (tmp_path / "m" / name).touch()
        target = paired_target(config, tmp_path / "m" / "own.keras")
        assert target is not None
        assert target.name == "m/own.keras"
        assert target.sample == str(tmp_path / "m" / "own.npz")
        assert target.settings.options.fail_on == "warning"
        for name in ("alone.keras", "taken.keras", "old.h5", "missing.keras"):
            assert paired_target(config, tmp_path / "m" / name) is None

    def test_one_sample_is_for_all_models_of_a_folder(self, tmp_path: Path) -> None:
        config = read(tmp_path, "", "gradlint.toml")
        for folder in ("m", "n", "m/.hidden"):
            (tmp_path / folder).mkdir(parents=True)
        for name in ("m/a.keras", "m/b.keras", "m/b.npz", "m/sample.npz", "n/c.keras", "n/d.keras", "n/batch.npz"):
            (tmp_path / name).touch()
        (tmp_path / "m" / "old.h5").write_bytes(b"\x89HDF\r\n\x1a\n model_config")
        for name in ("data.h5", "old.weights.h5", "empty.hdf5"):
            (tmp_path / "m" / name).write_bytes(b"\x89HDF\r\n\x1a\n" if "empty" not in name else b"")
        (tmp_path / "m" / ".hidden" / "a.keras").touch()
        targets, alone = paired_targets(config, [str(tmp_path / "m"), str(tmp_path / "n")])
        pairs = {target.name: Path(target.sample or "").name for target in targets}
        assert pairs == {"m/a.keras": "sample.npz", "m/b.keras": "b.npz", "m/old.h5": "sample.npz"}
        assert [file.name for file in alone] == ["c.keras", "d.keras"]


class TestShown:
    def test_every_line_is_toml_and_says_its_origin(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        text = shown_config(read(tmp_path, EVERYTHING), Settings({"seed": 3, "fail_on": "never"}))
        lines = text.splitlines()
        assert lines[0] == "# pyproject.toml"
        assert 'fail-on = "never"  # command line' in lines
        assert 'mode = "training"  # default' in lines
        assert 'select = ["GL1", "dead-relu"]  # pyproject.toml:5' in lines
        assert 'depth = "preflight"  # pyproject.toml:19' in lines
        assert 'mapping = { left = "a", right = "b" }  # pyproject.toml:26' in lines
        assert '"target_*" = ["GL104", "GL102"]  # pyproject.toml:13' in lines
        shown = tomllib.loads(text)
        assert shown["targets"]["towers"]["targets"] == ["y", "head=labels"]
        assert shown["seed"] == 3
        (tmp_path / "gradlint.toml").write_text(text)
        again = load_config(tmp_path / "gradlint.toml")  # what is shown can be read
        assert [target.model for target in again.targets] == [
            target.model for target in read(tmp_path, EVERYTHING).targets
        ]

    def test_without_a_file(self, tmp_path: Path) -> None:
        assert shown_config(load_config(None, tmp_path), Settings()).startswith("# no configuration file\n")

    @pytest.mark.skipif(sys.platform == "win32", reason="names that Windows does not allow")
    def test_nothing_in_it_acts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        names = ["\u009b2J\u202e", "\\ tab\t", "##vso[task]x", "größe"]
        file = tmp_path / 'x\n::error::y\n[targets."a"]\n.toml'
        file.write_text(f"exclude = {json.dumps(names)}\n[per-file-ignores]\n'##[x]' = ['GL601']", encoding="utf-8")
        shown = shown_config(load_config(file), Settings())
        assert [c for c in shown if not c.isprintable() and c != "\n"] == []
        assert "##" not in shown
        assert "\n::" not in shown
        read = tomllib.loads(shown)
        assert (read["exclude"], read["per-file-ignores"]) == (names, {"##[x]": ["GL601"]})
        assert "targets" not in read


def test_the_only_model_of_a_folder_goes_with_the_only_sample_there(tmp_path: Path) -> None:
    for name in ("one/m.keras", "one/s.npz", "two/m.keras", "two/n.keras", "two/s.npz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    targets, alone = paired_targets(load_config(None, tmp_path), [str(tmp_path)])
    assert [(target.name, str(target.sample)) for target in targets] == [("one/m.keras", str(tmp_path / "one/s.npz"))]
    assert [file.name for file in alone] == ["m.keras", "n.keras"]


def test_the_table_of_another_file_is_told(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, '[tool.gradlint]\nfail-on = "error"', "gradlint.toml")
    assert "[tool.gradlint] is for pyproject.toml; in gradlint.toml the keys stand without it" in str(caught.value)


def test_what_is_known_is_listed_once(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "colour = 1", "gradlint.toml")
    known = str(caught.value).partition("known are ")[2].split(", ")
    assert len(known) == len(set(known)) > 5


@pytest.mark.parametrize("word", ["modle", "mdel", "mode1", "modl"])
def test_a_key_that_is_missing_is_what_a_misspelt_one_is_meant_to_be(tmp_path: Path, word: str) -> None:
    """`modle` is as close to `mode`, which may be left out."""
    found = mistakes(tmp_path, f'[tool.gradlint.targets.a]\n{word} = "m"\n')
    assert f"2: tool.gradlint.targets.a.{word} is not known; did you mean model?" in found
