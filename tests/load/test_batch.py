"""One batch from whatever `fit` takes, told by what it can do."""

from __future__ import annotations

import numpy as np
import pytest

from gradlint.errors import SampleError
from gradlint.load.batch import by_key, first_batch, packed
from gradlint.load.limits import DEFAULT_LIMITS
from gradlint.load.sources import read_source

X, Y = np.arange(12.0).reshape(4, 3), np.zeros((4, 1))


class ForeignTensor:
    """Refuses what a torch tensor with a gradient refuses."""

    def __init__(self, array, needs_gradient=True, on_device=True):
        self.array, self.shape = array, array.shape
        self.needs_gradient, self.on_device = needs_gradient, on_device

    def detach(self):
        return ForeignTensor(self.array, False, self.on_device)

    def cpu(self):
        return ForeignTensor(self.array, self.needs_gradient, False)

    def numpy(self):
        if self.needs_gradient or self.on_device:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad")
        return self.array


class Counted:
    """As a `PyDataset`."""

    def __init__(self, length=3):
        self.length, self.asked = length, []

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        if index >= self.length:
            raise IndexError(index)
        self.asked.append(index)
        return X, Y


def test_a_generator_is_asked_for_one_batch_and_no_more() -> None:
    drawn = []

    def batches():
        while True:
            drawn.append(1)
            yield X, Y

    source = batches()
    found = by_key(first_batch(source), ["x"])
    assert (found["x"] is X, found["y"] is Y, len(drawn)) == (True, True, 1)
    next(source)  # still open


def test_a_sequence_of_batches_is_asked_for_its_first() -> None:
    source = Counted()
    assert by_key(first_batch(source), ["x"])["x"] is X
    assert source.asked == [0]


@pytest.mark.parametrize("source", [iter(()), Counted(0)])
def test_what_is_empty_is_told(source) -> None:
    with pytest.raises(SampleError, match="is empty"):
        first_batch(source)


def test_tensors_of_other_frameworks_and_lists_become_arrays() -> None:
    found = by_key(first_batch((ForeignTensor(X), Y.tolist())), ["x"])
    assert isinstance(found["x"], np.ndarray)
    assert isinstance(found["y"], np.ndarray)


def test_a_function_gives_its_batch() -> None:
    assert by_key(first_batch(lambda: (X, Y)), ["x"])["y"] is Y


def test_rows_are_taken_from_every_part() -> None:
    found = by_key(first_batch(({"a": X, "b": X}, Y), rows=2), ["a", "b"])
    assert {key: array.shape[0] for key, array in found.items()} == {"a": 2, "b": 2, "y": 2}


def test_a_list_for_one_input_is_read_as_a_tuple_and_for_two_as_inputs() -> None:
    assert set(by_key(first_batch([X, Y]), ["x"])) == {"x", "y"}
    assert set(by_key(first_batch([X, Y]), ["left", "right"])) == {"left", "right"}


@pytest.mark.parametrize("sample", [3, {1, 2}, object()])
def test_what_is_no_batch_is_told_in_one_line(sample) -> None:
    with pytest.raises(SampleError, match="a sample must be what fit takes") as caught:
        first_batch(sample)
    assert "\n" not in str(caught.value)


def test_rows_of_different_lengths_are_told() -> None:
    with pytest.raises(SampleError, match="differ in length"):
        first_batch(([[1, 2], [3]], Y))


def test_a_data_frame_is_features_and_labels_by_its_columns() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "y": [0.0, 1.0]})
    found = by_key(first_batch(frame), ["features"])
    assert {key: array.shape for key, array in found.items()} == {"features": (2, 2), "y": (2,)}
    assert set(by_key(first_batch(frame), ["a", "b"])) == {"a", "b", "y"}
    assert by_key(first_batch(frame), ["features"], ["b"])["features"].shape == (2, 1)
    found = by_key(first_batch(({"a": frame["a"], "b": frame["b"]}, frame["y"])), ["a", "b"])
    assert all(isinstance(array, np.ndarray) for array in found.values())


def test_a_table_is_read_through_pandas(tmp_path) -> None:
    pytest.importorskip("pandas")
    (tmp_path / "rows.csv").write_text("a,b,y\n1,2,0\n3,4,1\n5,6,0\n")
    frame = read_source(str(tmp_path / "rows.csv"), DEFAULT_LIMITS, rows=2)
    assert by_key(first_batch(frame, rows=2), ["x"])["x"].shape == (2, 2)


@pytest.mark.parametrize(
    "text",
    [",a,b,y\n0,1,2,0\n1,3,4,1\n", "a;b;y\n1;2;0\n3;4;1\n", "a\tb\ty\n1\t2\t0\n3\t4\t1\n"],
    ids=["index", "semicolons", "tabs"],
)
def test_a_table_as_pandas_and_spreadsheets_write_it(tmp_path, text) -> None:
    pytest.importorskip("pandas")
    file = tmp_path / ("rows.tsv" if "\t" in text else "rows.csv")
    file.write_text(text)
    found = by_key(read_source(str(file), DEFAULT_LIMITS), ["x"])
    assert (found["x"].tolist(), found["y"].tolist()) == ([[1, 2], [3, 4]], [0, 1])


def test_a_parquet_file_is_a_table(tmp_path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pandas.DataFrame({"a": [1.0, 3.0], "y": [0.0, 1.0]}).to_parquet(tmp_path / "rows.parquet")
    found = by_key(first_batch(read_source(str(tmp_path / "rows.parquet"), DEFAULT_LIMITS), rows=1), ["x"])
    assert (found["x"].tolist(), found["y"].tolist()) == ([[1.0]], [0.0])


def test_a_parquet_file_without_pyarrow_is_refused_with_the_way_out(tmp_path, monkeypatch) -> None:
    pandas = pytest.importorskip("pandas")

    def missing(path):
        raise ImportError("Missing optional dependency 'pyarrow'.\n pyarrow is required for parquet support.")

    monkeypatch.setattr(pandas, "read_parquet", missing)
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    with pytest.raises(SampleError, match=r"'pyarrow'.*numpy\.savez"):
        read_source(str(tmp_path / "rows.parquet"), DEFAULT_LIMITS)


def test_without_pandas_a_table_is_refused_with_the_way_out(tmp_path, monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    (tmp_path / "rows.csv").write_text("a,y\n1,2\n")
    with pytest.raises(SampleError, match=r"pandas, which is not installed.*numpy\.savez"):
        read_source(str(tmp_path / "rows.csv"), DEFAULT_LIMITS)


def test_an_array_in_a_file_of_its_own_is_read_and_a_pickled_one_is_not(tmp_path) -> None:
    np.save(tmp_path / "x.npy", X)
    assert np.array_equal(read_source(str(tmp_path / "x.npy"), DEFAULT_LIMITS), X)
    np.save(tmp_path / "bad.npy", np.array([{}], dtype=object))
    with pytest.raises(SampleError, match="pickled Python objects, which are never loaded"):
        read_source(str(tmp_path / "bad.npy"), DEFAULT_LIMITS)


def test_a_function_in_a_file_is_a_sample(tmp_path) -> None:
    (tmp_path / "my_batches.py").write_text(
        "def batch():\n    return [1.0], [2.0]\n\n\ndef broken():\n    raise KeyError('k')\n\n\n"
        "def nothing():\n    pass\n"
    )
    with pytest.raises(SampleError, match=r"my_batches\.py:nothing returned None"):  # it was made up in silence
        read_source(f"{tmp_path / 'my_batches.py'}:nothing", DEFAULT_LIMITS)
    assert read_source(f"{tmp_path / 'my_batches.py'}:batch", DEFAULT_LIMITS) == ([1.0], [2.0])
    with pytest.raises(SampleError, match=r"my_batches\.py:broken gave no sample: KeyError: 'k'"):
        read_source(f"{tmp_path / 'my_batches.py'}:broken", DEFAULT_LIMITS)


@pytest.mark.parametrize("name", ["a.pkl", "a.pt", "a.tfrecord", "a.json", "a.keras", "a.py"])
def test_other_files_are_refused_with_how_to_write_them(tmp_path, name) -> None:
    (tmp_path / name).write_bytes(b"?")
    with pytest.raises(SampleError) as caught:
        read_source(str(tmp_path / name), DEFAULT_LIMITS)
    assert str(tmp_path / name) in str(caught.value)
    assert any(word in str(caught.value) for word in ("numpy.savez", ":function", "the model comes first"))


def test_a_folder_that_is_no_dataset_is_told(tmp_path) -> None:
    with pytest.raises(SampleError, match=r"not one that tf\.data\.Dataset\.save has written"):
        read_source(str(tmp_path), DEFAULT_LIMITS)


@pytest.mark.parametrize("y", [{"reg": 1, "cls": 2}, [1, 2], (1, 2)], ids=["dict", "list", "tuple"])
def test_labels_of_several_outputs_come_as_fit_takes_them(y) -> None:
    expected = {"x": 0, "y:reg": 1, "y:cls": 2}
    assert by_key({"x": 0, "y": y}, ["x"], outputs=["reg", "cls"]) == expected
    assert by_key((0, y), ["x"], outputs=["reg", "cls"]) == expected


@pytest.mark.parametrize("y", [[1, 2], (1, 2)], ids=["list", "tuple"])
def test_labels_of_outputs_without_names_are_known_by_their_place(y) -> None:
    assert by_key((0, y), ["x"]) == {"x": 0, "y:output 0": 1, "y:output 1": 2}
    assert by_key((0, y), ["x"], outputs=["only"]) == {"x": 0, "y:output 0": 1, "y:output 1": 2}


@pytest.mark.parametrize("outputs", [[], ["only"]])
def test_a_list_of_one_array_is_that_array(outputs) -> None:
    """It was stacked to shape (1, 4, 1), and a healthy model had labels that broadcast (GL405)."""
    found = by_key(first_batch(([X], [Y], [Y])), ["x"], outputs=outputs)
    assert {key: array.shape for key, array in found.items()} == {"x": (4, 3), "y": (4, 1), "sample_weight": (4, 1)}


def test_a_number_of_labels_that_fits_no_outputs_is_told() -> None:
    with pytest.raises(SampleError, match="y has 1 array, and the model the outputs 'reg', 'cls': give one for each"):
        by_key((X, [Y]), ["x"], outputs=["reg", "cls"])


def test_weights_go_by_outputs_as_labels_do() -> None:
    found = by_key((X, {"reg": Y}, {"reg": 3}), ["x"], outputs=["reg", "cls"])
    assert (found["y:reg"] is Y, found["sample_weight:reg"]) == (True, 3)


def test_more_parts_than_fit_takes_are_told_and_inputs_without_labels_are_not() -> None:
    with pytest.raises(SampleError, match="the sample has 4 parts; give what fit takes"):
        by_key((X, Y, Y, Y), ["x"])
    assert set(by_key((X, X, X, X), ["a", "b", "c", "d"])) == {"a", "b", "c", "d"}


def test_batches_in_a_list_are_batches_and_rows_of_numbers_are_rows() -> None:
    assert by_key(first_batch([(X, Y), (X + 1, Y)]), ["x"])["x"] is X
    assert by_key(first_batch([(1.0, 2.0), (3.0, 4.0)]), ["a", "b"]).keys() == {"a", "b"}


def test_of_replicas_one_is_looked_at() -> None:
    class PerReplica:
        values = (X, X + 1)

    assert by_key(first_batch((PerReplica(), Y)), ["x"])["x"] is X


def _failing():
    yield 1 / 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (lambda: 1 / 0, r"the function <lambda> gives no batch: ZeroDivisionError: division by zero \(.*test_batch"),
        (lambda n: n, "the function <lambda> gives no batch: TypeError: .* missing 1 required positional argument"),
        (_failing(), "the generator _failing gives no batch: ZeroDivisionError"),
    ],
    ids=["function", "parameter", "generator"],
)
def test_what_fails_while_it_makes_a_batch_is_told(source, said) -> None:
    with pytest.raises(SampleError, match=said):
        first_batch(source)


def test_a_column_called_as_labels_are_is_one_and_text_is_named() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "Target": [0.0, 1.0]})
    assert by_key(frame, ["x"])["x"].shape == (2, 1)
    assert by_key(frame, ["Target"]).keys() == {"a", "Target"}  # an input is called so
    with pytest.raises(SampleError, match="'town' of the data frame holds text"):
        by_key(frame.assign(town="Ulm"), ["x"])


def test_an_input_that_is_called_like_weights_is_one():
    arrays = {"rows": 1, "sample_weight": 2, "y": 3}
    assert packed(arrays) == (1, 3, 2)
    assert packed(arrays, ["x", "sample_weight"]) == ({"rows": 1, "sample_weight": 2}, 3)
    assert packed({"x": 1, "y": 2}, ["x", "y"]) == {"x": 1, "y": 2}
