"""What gradlint knows of the operation types of TensorFlow: one table, which the tests hold against its registry.

Whether an operation has a gradient is not in it: that is asked of the operation's own gradient function.
"""

from __future__ import annotations

import functools
from enum import Enum
from types import MappingProxyType
from typing import Final

CUSTOM_GRADIENT: Final = "CustomGradient"
INNER_GRADIENT: Final = "InnerGradient"
NUMPY_CONVERSION: Final = "NumpyConversion"
ZERO_DERIVATIVE: Final = "a derivative of zeros"
"""The detail of an `InnerGradient` that is taken by tensors, and is zero in every element."""
BRANCHES: Final = "Branches"


class Trait(Enum):
    """Something that operations of several types have in common."""

    READS_SHAPE = "reads shape"
    """Reads only the form of its operand: no value, and no gradient, passes through it."""
    SOURCE = "source"
    """In a graph: takes nothing in, and its result is where values come from."""
    FILLS = "fills"
    """Gives the same number everywhere, in the shape of its operand."""
    ASSIGNS = "assigns"
    """Gives a resource handle a new value."""
    OVERWRITES = "overwrites"
    """Gives a variable a value as a whole: what passes through it ends the path of a tape."""
    STOPS = "stops"
    """Is written to hand on no gradient."""
    LEAVES = "leaves"
    """Takes values out of TensorFlow, where no tape follows."""
    ROUNDS = "rounds"
    """Gives a whole number near by."""
    LOCATES = "locates"
    """Gives the place of an element, and not the element."""
    RECTIFIES = "rectifies"
    """Has no slope on one side."""
    CLIPS = "clips"
    """Gives zero for what is negative."""
    SQUASHES = "squashes"
    """Has next to no slope far from zero."""
    SLOPE_FROM_RESULT = "slope from result"
    """Squashes, and its slope can be told from its result."""
    NORMALISES = "normalises"
    """Divides by a sum over the last axis: constant where that has one element."""
    PROBABILITIES = "probabilities"
    """Gives numbers between 0 and 1 that losses expect."""
    DRAWS = "draws"
    """Gives random numbers."""
    MULTIPLIES = "multiplies"
    """A zero factor stops what goes to the other one."""
    MIXES_UNITS = "mixes units"
    """Applies a kernel, which gives the last axis its length."""
    ELEMENT_BY_ELEMENT = "element by element"
    """Multiplies, and mixes no elements."""
    STEPS = "steps"
    """Is flat wherever it is smooth."""
    QUANTIZES = "quantizes"
    """Passes the gradient of what it rounds, and gives one to its bounds from what it clips."""
    JOINS = "joins"
    """Lays tensors side by side."""
    SLICES = "slices"
    """Takes a part of its operand."""
    LOOKS_UP = "looks up"
    """Takes parts of its first operand; the others say which ones, and put no value into the result."""
    SELECTS = "selects"
    """Chooses among its operands, element by element."""
    BOUNDS = "bounds"
    """Is the larger or the smaller of two operands."""
    AVERAGES = "averages"
    """Keeps probabilities between 0 and 1 when it averages or chooses among them."""
    MOVES = "moves"
    """Only moves or converts the values of a variable on their way to where they are used."""
    SHARES = "shares"
    """Its result is the memory of its operand."""
    REARRANGES = "rearranges"
    """Changes axes, and no element."""
    KEEPS_VALUES = "keeps values"
    """Changes form or type, not values."""
    COMPARES = "compares"
    """Compares two arrays element by element. A product does not: multiplying by a mask with fewer axes is a use of
    broadcasting, not an accident."""
    ADDS_AXIS = "adds axis"
    """May give its operand one more axis."""
    TAKES_LOGARITHM = "takes a logarithm"
    """Is no number where its operand lies below a bound."""
    REDUCES = "reduces"
    """Takes axes together."""
    ALONG_AXIS = "along axis"
    """May work along the first axis and still leave it where it was. Shapes tell of what takes it away or moves it."""
    MIXES_NOTHING = "mixes nothing"
    """Moves or maps each element by itself: it lets no slice know of another."""
    PAIRS = "pairs"
    """Takes two arrays element by element; where a column meets a row, it gives every pair."""
    REFORMS = "reforms"
    """Changes the form of a gradient and nothing else."""
    WEIGHS = "weighs"
    """Applies the kernel of a layer of weights."""
    WINDOWED = "windowed"
    """Moves a kernel over positions."""
    ADDS = "adds"
    """Adds, among others a bias."""
    DIVIDES = "divides"
    """Linear in its first operand alone."""
    RANKS = "ranks"
    """Takes the largest elements of the last axis, as many as it is told."""
    SCALES = "scales"
    """Makes a multiple of an operand."""
    INCREMENTS = "increments"
    """Adds to what a variable holds, or takes away from it."""
    SUMS = "sums"
    """Linear in all of its operands at once: a sum, a difference, or all side by side."""
    LINEAR = "linear"
    """Linear in its first operand."""
    OVERFLOWS = "overflows"
    """Has a number for all numbers: where it yields none, the type of the numbers has come to its end."""
    LINEAR_IN_ONE = "linear in one"
    """Linear in one operand when the others do not depend on the inputs: a bias, a scale, the mask of a dropout."""


_NONE = frozenset[Trait]()
_OTHER_AXES = frozenset(
    {Trait.MOVES, Trait.REARRANGES, Trait.KEEPS_VALUES, Trait.MIXES_NOTHING, Trait.REFORMS, Trait.LINEAR}
)
"""Of what gives the same elements other axes."""

TRAITS = MappingProxyType(
    {
        "Add": frozenset({Trait.ADDS, Trait.AVERAGES, Trait.PAIRS, Trait.LINEAR_IN_ONE, Trait.OVERFLOWS, Trait.SUMS}),
        "AddN": frozenset({Trait.AVERAGES, Trait.OVERFLOWS, Trait.SUMS}),
        "AddV2": frozenset({Trait.ADDS, Trait.AVERAGES, Trait.PAIRS, Trait.LINEAR_IN_ONE, Trait.OVERFLOWS, Trait.SUMS}),
        "ArgMax": frozenset({Trait.LOCATES}),
        "ArgMin": frozenset({Trait.LOCATES}),
        "AssignAddVariableOp": frozenset({Trait.INCREMENTS}),
        "AssignSubVariableOp": frozenset({Trait.INCREMENTS}),
        "AvgPool": frozenset({Trait.LINEAR}),
        "AvgPool3D": frozenset({Trait.LINEAR}),
        "BatchMatMul": frozenset({Trait.MULTIPLIES, Trait.OVERFLOWS}),
        "BatchMatMulV2": frozenset({Trait.MULTIPLIES, Trait.MIXES_UNITS, Trait.WEIGHS, Trait.OVERFLOWS}),
        "BatchMatMulV3": frozenset({Trait.MULTIPLIES, Trait.MIXES_UNITS, Trait.OVERFLOWS}),
        "BiasAdd": frozenset({Trait.ADDS, Trait.LINEAR_IN_ONE, Trait.OVERFLOWS}),
        "BroadcastTo": frozenset({Trait.MOVES}),
        "Cast": frozenset(
            {Trait.MOVES, Trait.KEEPS_VALUES, Trait.MIXES_NOTHING, Trait.REFORMS, Trait.LINEAR, Trait.OVERFLOWS}
        ),
        "Ceil": frozenset({Trait.STEPS, Trait.ROUNDS}),
        "ClipByValue": frozenset({Trait.SELECTS}),
        "ConcatV2": frozenset({Trait.JOINS, Trait.AVERAGES, Trait.REFORMS, Trait.SUMS}),
        "Const": frozenset({Trait.SOURCE}),
        "Conv2D": frozenset({Trait.MULTIPLIES, Trait.MIXES_UNITS, Trait.WEIGHS, Trait.WINDOWED, Trait.OVERFLOWS}),
        "Conv2DBackpropInput": frozenset({Trait.MULTIPLIES}),
        "Conv3D": frozenset({Trait.MULTIPLIES, Trait.WEIGHS, Trait.WINDOWED, Trait.OVERFLOWS}),
        "CropAndResize": frozenset({Trait.ALONG_AXIS}),
        "Cumprod": frozenset({Trait.ALONG_AXIS, Trait.OVERFLOWS}),
        "Cumsum": frozenset({Trait.ALONG_AXIS, Trait.OVERFLOWS}),
        "CumulativeLogsumexp": frozenset({Trait.ALONG_AXIS}),
        "DepthwiseConv2dNative": frozenset({Trait.MULTIPLIES, Trait.OVERFLOWS}),
        "DivNoNan": frozenset({Trait.MULTIPLIES, Trait.ELEMENT_BY_ELEMENT, Trait.AVERAGES, Trait.DIVIDES}),
        "EagerPyFunc": frozenset({Trait.LEAVES}),
        "Einsum": frozenset({Trait.MULTIPLIES, Trait.MIXES_UNITS, Trait.ALONG_AXIS, Trait.OVERFLOWS}),
        "EnsureShape": frozenset({Trait.KEEPS_VALUES, Trait.LINEAR}),
        "Equal": frozenset({Trait.COMPARES}),
        "Erf": frozenset({Trait.SQUASHES}),
        "Exp": frozenset({Trait.OVERFLOWS}),
        "ExpandDims": _OTHER_AXES | {Trait.ADDS_AXIS, Trait.SHARES},
        "Floor": frozenset({Trait.STEPS, Trait.ROUNDS}),
        "FloorDiv": frozenset({Trait.STEPS}),
        "FloorMod": frozenset({Trait.STEPS}),
        "Gather": frozenset({Trait.SLICES, Trait.MOVES, Trait.ALONG_AXIS, Trait.LOOKS_UP}),
        "GatherNd": frozenset({Trait.SLICES, Trait.ALONG_AXIS, Trait.LOOKS_UP}),
        "GatherV2": frozenset({Trait.SLICES, Trait.MOVES, Trait.ALONG_AXIS, Trait.LOOKS_UP}),
        "Identity": frozenset(
            {
                Trait.SCALES,
                Trait.MOVES,
                Trait.KEEPS_VALUES,
                Trait.MIXES_NOTHING,
                Trait.REFORMS,
                Trait.LINEAR,
                Trait.SHARES,
            }
        ),
        "Log": frozenset({Trait.TAKES_LOGARITHM}),
        "Log1p": frozenset({Trait.TAKES_LOGARITHM}),
        "LogSoftmax": frozenset({Trait.SQUASHES, Trait.NORMALISES}),
        "MatMul": frozenset({Trait.MULTIPLIES, Trait.MIXES_UNITS, Trait.ALONG_AXIS, Trait.WEIGHS, Trait.OVERFLOWS}),
        "Max": frozenset({Trait.REDUCES}),
        "Maximum": frozenset({Trait.SELECTS, Trait.BOUNDS, Trait.AVERAGES, Trait.PAIRS}),
        "Mean": frozenset({Trait.AVERAGES, Trait.REDUCES, Trait.LINEAR, Trait.OVERFLOWS}),
        "Min": frozenset({Trait.REDUCES}),
        "Minimum": frozenset({Trait.SELECTS, Trait.BOUNDS, Trait.AVERAGES, Trait.PAIRS}),
        "Mul": frozenset(
            {
                Trait.SCALES,
                Trait.MULTIPLIES,
                Trait.ELEMENT_BY_ELEMENT,
                Trait.AVERAGES,
                Trait.PAIRS,
                Trait.LINEAR_IN_ONE,
                Trait.OVERFLOWS,
            }
        ),
        "Neg": frozenset({Trait.SCALES, Trait.MIXES_NOTHING, Trait.LINEAR}),
        "NoOp": frozenset({Trait.SOURCE}),
        "NotEqual": frozenset({Trait.COMPARES}),
        NUMPY_CONVERSION: frozenset({Trait.LEAVES}),
        "OnesLike": frozenset({Trait.READS_SHAPE, Trait.FILLS}),
        "Pack": frozenset({Trait.JOINS, Trait.AVERAGES, Trait.MOVES, Trait.REFORMS, Trait.SUMS}),
        "Pad": frozenset({Trait.LINEAR}),
        "PadV2": frozenset({Trait.LINEAR}),
        "Placeholder": frozenset({Trait.SOURCE}),
        "PreventGradient": frozenset({Trait.STOPS, Trait.SHARES}),
        "Prod": frozenset({Trait.OVERFLOWS}),
        "PyFunc": frozenset({Trait.LEAVES}),
        "PyFuncStateless": frozenset({Trait.LEAVES}),
        "Qr": frozenset({Trait.ALONG_AXIS}),
        "RandomShuffle": frozenset({Trait.ALONG_AXIS}),
        "Rank": frozenset({Trait.READS_SHAPE}),
        "ReadVariableOp": frozenset({Trait.MOVES, Trait.SHARES}),
        "RealDiv": frozenset(
            {
                Trait.SCALES,
                Trait.DIVIDES,
                Trait.MULTIPLIES,
                Trait.ELEMENT_BY_ELEMENT,
                Trait.AVERAGES,
                Trait.COMPARES,
                Trait.PAIRS,
            }
        ),
        "Relu": frozenset({Trait.RECTIFIES, Trait.CLIPS}),
        "Relu6": frozenset({Trait.RECTIFIES, Trait.CLIPS}),
        "Reshape": _OTHER_AXES | {Trait.ADDS_AXIS, Trait.SHARES},
        "ReverseSequence": frozenset({Trait.ALONG_AXIS}),
        "ReverseV2": frozenset({Trait.ALONG_AXIS}),
        "Rint": frozenset({Trait.STEPS, Trait.ROUNDS}),
        "Roll": frozenset({Trait.ALONG_AXIS}),
        "Round": frozenset({Trait.STEPS, Trait.ROUNDS}),
        "ScatterNd": frozenset({Trait.ALONG_AXIS}),
        "SegmentMax": frozenset({Trait.ALONG_AXIS}),
        "SegmentMean": frozenset({Trait.ALONG_AXIS}),
        "SegmentMin": frozenset({Trait.ALONG_AXIS}),
        "SegmentSum": frozenset({Trait.ALONG_AXIS}),
        "Select": frozenset({Trait.SELECTS}),
        "SelectV2": frozenset({Trait.SELECTS, Trait.LINEAR_IN_ONE}),
        "Selu": frozenset({Trait.RECTIFIES}),
        "Shape": frozenset({Trait.READS_SHAPE}),
        "ShapeN": frozenset({Trait.READS_SHAPE}),
        "Sigmoid": frozenset({Trait.SQUASHES, Trait.SLOPE_FROM_RESULT, Trait.PROBABILITIES}),
        "Sign": frozenset({Trait.STEPS}),
        "Size": frozenset({Trait.READS_SHAPE}),
        "Slice": frozenset({Trait.SLICES, Trait.MOVES}),
        "Softmax": frozenset({Trait.SQUASHES, Trait.SLOPE_FROM_RESULT, Trait.NORMALISES, Trait.PROBABILITIES}),
        "Softsign": frozenset({Trait.SQUASHES}),
        "Split": frozenset({Trait.SLICES, Trait.MOVES}),
        "SplitV": frozenset({Trait.SLICES, Trait.MOVES}),
        "Square": frozenset({Trait.OVERFLOWS}),
        "SquaredDifference": frozenset({Trait.COMPARES, Trait.PAIRS, Trait.OVERFLOWS}),
        "Squeeze": _OTHER_AXES | {Trait.SHARES},
        "StopGradient": frozenset({Trait.STOPS, Trait.SHARES}),
        "StridedSlice": frozenset({Trait.SLICES, Trait.MOVES, Trait.ADDS_AXIS}),
        "Sub": frozenset({Trait.COMPARES, Trait.PAIRS, Trait.LINEAR_IN_ONE, Trait.OVERFLOWS, Trait.SUMS}),
        "Sum": frozenset({Trait.AVERAGES, Trait.REDUCES, Trait.LINEAR, Trait.OVERFLOWS}),
        "Svd": frozenset({Trait.ALONG_AXIS}),
        "Tanh": frozenset({Trait.SQUASHES, Trait.SLOPE_FROM_RESULT}),
        "TensorScatterAdd": frozenset({Trait.ALONG_AXIS}),
        "TensorScatterMax": frozenset({Trait.ALONG_AXIS}),
        "TensorScatterMin": frozenset({Trait.ALONG_AXIS}),
        "TensorScatterSub": frozenset({Trait.ALONG_AXIS}),
        "TensorScatterUpdate": frozenset({Trait.ALONG_AXIS}),
        "TopKV2": frozenset({Trait.ALONG_AXIS, Trait.RANKS}),
        "Transpose": frozenset(
            {
                Trait.MOVES,
                Trait.REARRANGES,
                Trait.KEEPS_VALUES,
                Trait.ALONG_AXIS,
                Trait.MIXES_NOTHING,
                Trait.REFORMS,
                Trait.LINEAR,
            }
        ),
        "Unpack": frozenset({Trait.SLICES, Trait.MOVES, Trait.REFORMS}),
        "UnsortedSegmentMax": frozenset({Trait.ALONG_AXIS}),
        "UnsortedSegmentMin": frozenset({Trait.ALONG_AXIS}),
        "UnsortedSegmentProd": frozenset({Trait.ALONG_AXIS}),
        "UnsortedSegmentSum": frozenset({Trait.ALONG_AXIS}),
        "VariableShape": frozenset({Trait.READS_SHAPE}),
        "Xdivy": frozenset({Trait.COMPARES}),
        "Xlogy": frozenset({Trait.COMPARES}),
        "ZerosLike": frozenset({Trait.READS_SHAPE, Trait.FILLS}),
    }
)
"""The traits of each type that has any."""

FAMILIES = MappingProxyType(
    {
        "Assign": frozenset({Trait.ASSIGNS, Trait.OVERWRITES}),
        "FakeQuant": frozenset({Trait.QUANTIZES}),
        "MakeIterator": frozenset({Trait.ASSIGNS}),
        "Multinomial": frozenset({Trait.DRAWS}),
        "ParameterizedTruncated": frozenset({Trait.DRAWS}),
        "QuantizeAndDequantize": frozenset({Trait.QUANTIZES}),
        "Random": frozenset({Trait.DRAWS}),
        "ResourceApply": frozenset({Trait.ASSIGNS}),
        "ResourceScatter": frozenset({Trait.ASSIGNS}),
        "ResourceStrided": frozenset({Trait.ASSIGNS}),
        "StatelessMultinomial": frozenset({Trait.DRAWS}),
        "StatelessParameterizedTruncated": frozenset({Trait.DRAWS}),
        "StatelessRandom": frozenset({Trait.DRAWS}),
        "StatelessTruncated": frozenset({Trait.DRAWS}),
        "TruncatedNormal": frozenset({Trait.DRAWS}),
    }
)
"""The traits of all types that begin with a word."""


@functools.cache
def traits(op_type: str) -> frozenset[Trait]:
    """What is known of a type of operation; nothing for most."""
    of_families = (found for prefix, found in FAMILIES.items() if op_type.startswith(prefix))
    return TRAITS.get(op_type, _NONE).union(*of_families)


def has(op_type: str, trait: Trait) -> bool:
    """Whether operations of a type have a trait."""
    return trait in traits(op_type)


def with_trait(trait: Trait) -> frozenset[str]:
    """The types of the table that have a trait."""
    return frozenset(op_type for op_type, found in TRAITS.items() if trait in found)
