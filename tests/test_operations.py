"""The vocabulary of operations, held against TensorFlow's own registry."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import tensorflow as tf

import gradlint
from gradlint.operations import (
    BRANCHES,
    CUSTOM_GRADIENT,
    FAMILIES,
    INNER_GRADIENT,
    NUMPY_CONVERSION,
    TRAITS,
    Trait,
    has,
    traits,
    with_trait,
)

ROOMS = ("checking", "experiments", "flow.py", "passes", "record", "report", "rules")


PSEUDO = {CUSTOM_GRADIENT, INNER_GRADIENT, NUMPY_CONVERSION, BRANCHES}
"""Types that TensorFlow does not have: the recorder enters them for what happens outside of operations."""


def is_registered(op_type):
    return hasattr(tf.raw_ops, op_type)


def test_no_other_file_lists_types():
    """What several types have in common is a trait: a list of them beside the table would part from it."""
    lists = []
    for room in ROOMS:
        path = Path(gradlint.__file__).with_name(room)
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.Tuple, ast.Set, ast.List)) and len(node.elts) > 1:
                    names = [part.value for part in node.elts if isinstance(part, ast.Constant)]
                    if len(names) == len(node.elts) and all(isinstance(n, str) and is_registered(n) for n in names):
                        lists.append((file.name, node.lineno, names))
    assert lists == []


@pytest.mark.parametrize("op_type", sorted(TRAITS.keys() - PSEUDO))
def test_every_type_is_tensorflows(op_type):
    assert is_registered(op_type)


@pytest.mark.parametrize("op_type", sorted(PSEUDO))
def test_what_the_recorder_enters_has_no_name_of_tensorflows(op_type):
    assert not is_registered(op_type)


@pytest.mark.parametrize("prefix", sorted(FAMILIES))
def test_every_family_has_members(prefix):
    members = [name for name in dir(tf.raw_ops) if name.startswith(prefix)]
    assert members
    assert all(traits(name) >= FAMILIES[prefix] for name in members)


@pytest.mark.parametrize("trait", Trait)
def test_every_trait_is_somebodys(trait):
    assert with_trait(trait) or any(trait in found for found in FAMILIES.values())


@pytest.mark.parametrize(
    ("op_type", "trait", "expected"),
    [
        ("AssignAddVariableOp", Trait.OVERWRITES, True),
        ("ResourceApplyAdam", Trait.ASSIGNS, True),
        ("ResourceApplyAdam", Trait.OVERWRITES, False),
        ("Multinomial", Trait.DRAWS, True),
        ("StatelessTruncatedNormalV2", Trait.DRAWS, True),
        ("StatelessMultinomial", Trait.MOVES, False),
        ("FakeQuantWithMinMaxVars", Trait.QUANTIZES, True),
        ("Relu", Trait.RECTIFIES, True),
        ("Relu", Trait.SQUASHES, False),
        ("NoSuchOperation", Trait.MOVES, False),
    ],
)
def test_has(op_type, trait, expected):
    assert has(op_type, trait) is expected


def test_elementwise_products_are_products():
    assert with_trait(Trait.ELEMENT_BY_ELEMENT) < with_trait(Trait.MULTIPLIES)
    assert with_trait(Trait.SLOPE_FROM_RESULT) < with_trait(Trait.SQUASHES)
