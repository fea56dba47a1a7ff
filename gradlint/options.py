"""How to check: one noun that `check()`, the command line, a configuration file, the cache and a child process share.

An option is written down here once, with its default, its words and what it may be. The parser, the keys of a
configuration, the key of a known answer and the request to another process follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from numbers import Integral
from typing import TYPE_CHECKING, TypeVar

from gradlint.errors import UsageError, alike
from gradlint.thresholds import NAMES, Thresholds, refuse_threshold, thresholds_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gradlint.load.limits import Limits

T = TypeVar("T")

DEPTHS = ("preflight", "structure", "values")
MODES = ("training", "inference")
FAIL_ON = ("error", "warning", "never")


class MistakeError(ValueError):
    """A value that makes no sense; `culprit` is the part of it that is to blame, where there are several."""

    def __init__(self, message: str, culprit: str | None = None) -> None:
        super().__init__(message)
        self.culprit = culprit


# -- kinds of values -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """What an option may be.

    Attributes:
        read: the value in a configuration file to that in `Options`.
        word: one argument of the command line to the value, or to one item where there are several.
        written: the value as a configuration file gives it.
        several: the option may be given more than once.
        choices: all there are, where these are few.
        is_flag: the command line has no argument for it.
    """

    read: Callable[[object], object]
    word: Callable[[str], object] = str
    written: Callable[[object], object] = lambda value: value
    several: bool = False
    choices: tuple[str, ...] = ()
    is_flag: bool = False


def one_of(*choices: str) -> Kind:
    """One of some words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise MistakeError(f"{value!r} is not one of {', '.join(choices)}{alike(str(value), choices)}")
        return value

    return Kind(read, read, choices=choices)


def text(value: object) -> str:
    """The value, if it is a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise MistakeError(f"{value!r} is not text")
    return value


def texts(value: object) -> tuple[str, ...]:
    """The value as a tuple, if it is a list of texts."""
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise MistakeError(f"{value!r} is not a list of texts")
    return tuple(value)


def text_or_texts(value: object) -> tuple[str, ...]:
    """As `texts`; a single text stands for a list of it."""
    return texts([value] if isinstance(value, str) else value)


def number_from(least: int) -> Callable[[object], int]:
    """What reads a whole number that is not smaller."""

    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise MistakeError(f"{value!r} is not a whole number from {least}")
        return value

    return read


def number_word_from(least: int) -> Callable[[str], int]:
    """What reads a word that is a whole number, and not smaller."""

    def read(word: str) -> int:
        try:
            return number_from(least)(int(word))
        except ValueError:
            raise MistakeError(f"{word!r} is not a whole number from {least}") from None

    return read


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise MistakeError(f"{value!r} is not true or false")
    return value


def _codes(word: str) -> list[str]:
    codes = [code.strip() for code in word.split(",") if code.strip()]
    if not codes:
        raise MistakeError("names no code")
    return codes


def _label(item: str) -> tuple[str | None, str]:
    output, equals, key = item.rpartition("=")
    if not key or (equals and not output):
        raise MistakeError(f"{item!r} is not KEY or OUTPUT=KEY", item)
    return output or None, key


def _labels(value: object) -> tuple[tuple[str | None, str], ...]:
    return tuple(_label(item) for item in text_or_texts(value))


def _written_labels(value: object) -> object:
    pairs = value if isinstance(value, tuple) else ()
    return [key if output is None else f"{output}={key}" for output, key in pairs]


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not (key and equals and value):
        raise MistakeError(f"{word!r} is not INPUT=KEY")
    return key, value


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(isinstance(item, str) and item for item in value.values()):
        raise MistakeError(f'{value!r} is not a table of texts, such as {{ input = "key" }}')
    return tuple(value.items())


def _threshold(word: str) -> tuple[str, float]:
    name, _, value = word.partition("=")
    try:
        number = float(value)
    except ValueError:
        raise MistakeError(f"{word!r} is not NAME=NUMBER") from None
    try:
        refuse_threshold(name, number)
    except UsageError as error:
        raise MistakeError(str(error)) from error
    return name, number


def _numbers(value: object) -> tuple[tuple[str, float], ...]:
    if not isinstance(value, dict):
        raise MistakeError(f"{value!r} is not a table of numbers, such as {{ saturated-share = 0.9 }}")
    return tuple(value.items())


def _table(value: object) -> object:
    return dict(value) if isinstance(value, tuple) else value


TEXT = Kind(text)
TEXTS = Kind(texts, several=True)
NATURAL = Kind(number_from(0), number_word_from(0))
COUNT = Kind(number_from(1), number_word_from(1))
TRUTH = Kind(_truth, is_flag=True)
CODES = Kind(text_or_texts, _codes, several=True)
CAUSAL = Kind(text_or_texts, several=True)
LABELS = Kind(_labels, _label, _written_labels, several=True)
PAIRS = Kind(_pairs, _pair, _table, several=True)
NUMBERS = Kind(_numbers, _threshold, _table, several=True)


# -- options ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Words:
    """How an option is called and explained.

    Attributes:
        kind: what it may be.
        help: one line; `%(default)s` stands for the default.
        metavar: what stands for its argument in the help of the command line.
        key: its name in a configuration file, where that is not the field's.
        flag: its name on the command line, where that is not the field's.
        group: of the command line's help.
    """

    kind: Kind
    help: str
    metavar: str | None = None
    key: str = ""
    flag: str = ""
    group: str = "check"


def _said(default: T, words: Words) -> T:
    """A field with its words; the type is that of the default."""
    made: T = field(default=default, metadata={"words": words})
    return made


_SELECT = Words(
    CODES, "only these rules: codes or prefixes, separated by commas, such as GL103,GL2", "CODES", group="report"
)
_IGNORE = Words(CODES, "not these rules", "CODES", group="report")
_FAIL_ON = Words(
    one_of(*FAIL_ON), "the lowest severity that makes the exit status 1 (default: %(default)s)", group="report"
)
_DEPTH = Words(
    one_of(*DEPTHS),
    "how deep to look: files only, the graph without weights, or one real step (default: %(default)s)",
)
_MODE = Words(one_of(*MODES), "how to run the model (default: %(default)s)")
_SEED = Words(NATURAL, "for all randomness (default: %(default)s)", "N")
_PROBES = Words(NATURAL, "perturbed samples that confirm a zero gradient (default: %(default)s)", "N")
_BATCH = Words(COUNT, "rows of the sample to take (default: all; 32 of what gives single examples)", "N")
_LOSS = Words(TEXT, "name of a Keras loss, or package.module:function", "LOSS")
_TARGETS = Words(LABELS, "array of the sample that is a label; repeatable", "[OUTPUT=]KEY", flag="target")
_MAPPING = Words(PAIRS, "key of the sample for an input of the model; repeatable", "INPUT=KEY", flag="map")
_CAUSAL = Words(
    CAUSAL,
    "no output may depend on later steps of this input (GL502); axis 1 unless told; repeatable",
    "INPUT[:AXIS]",
)
_IMPORTS = Words(
    TEXTS, "module or FILE.py that registers custom layers and losses; repeatable", "MODULE", flag="import"
)
_THRESHOLDS = Words(
    NUMBERS, f"from where on a rule speaks: {', '.join(NAMES)}; repeatable", "NAME=NUMBER", flag="threshold"
)
_TRUST = Words(TRUTH, "run Python code stored in the model file (Lambda layers)", key="trust")


@dataclass(frozen=True, slots=True)
class Options:
    """How to check, whatever is checked.

    The fields up to `trust_model` are settings: plain data, which files and other processes can name. Those after it
    live in this process. Meanings are those of the arguments of `gradlint.check()`.
    """

    select: tuple[str, ...] = _said((), _SELECT)
    ignore: tuple[str, ...] = _said((), _IGNORE)
    fail_on: str = _said("error", _FAIL_ON)
    depth: str = _said("values", _DEPTH)
    mode: str = _said("training", _MODE)
    seed: int = _said(0, _SEED)
    probes: int = _said(3, _PROBES)
    batch: int | None = _said(None, _BATCH)
    loss: object = _said(None, _LOSS)
    targets: tuple[tuple[str | None, str], ...] = _said((), _TARGETS)
    mapping: tuple[tuple[str, str], ...] = _said((), _MAPPING)
    causal: tuple[str, ...] = _said((), _CAUSAL)
    imports: tuple[str, ...] = _said((), _IMPORTS)
    thresholds: tuple[tuple[str, float], ...] = _said((), _THRESHOLDS)
    trust_model: bool = _said(False, _TRUST)
    models: tuple[object, ...] = ()
    variables: tuple[object, ...] = ()
    custom_objects: tuple[tuple[str, object], ...] = ()
    limits: Limits | None = None
    progress: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        for name in ("depth", "mode", "fail_on"):
            allowed = SETTINGS[name].kind.choices
            if getattr(self, name) not in allowed:
                value = getattr(self, name)
                hint = alike(str(value), allowed, repr)
                raise UsageError(f"{name} must be one of {', '.join(allowed)}, not {value!r}{hint}")
        for name in ("seed", "probes", "batch"):
            number = getattr(self, name)
            is_whole = isinstance(number, Integral) and not isinstance(number, bool)
            least = 1 if name == "batch" else 0
            if not (is_whole and least <= number < 2**32) and (name, number) != ("batch", None):
                raise UsageError(f"{name} must be a whole number from {least} to 4294967295, not {number!r}")
        thresholds_from(dict(self.thresholds))

    @property
    def is_symbolic(self) -> bool:
        """The model is run without values."""
        return self.depth == "structure"

    @property
    def is_training(self) -> bool:
        return self.mode == "training"

    @property
    def learners(self) -> tuple[object, ...]:
        """What should learn besides the model's own variables."""
        return (*self.models, *self.variables)

    @property
    def bounds(self) -> Thresholds:
        """All thresholds, those that nobody named included.

        Raises:
            UsageError: a name or a value that makes no sense.
        """
        return thresholds_from(dict(self.thresholds))

    @property
    def causal_axes(self) -> tuple[tuple[str, int], ...]:
        """Input and axis of each `key` or `key:axis`."""
        parts = ((whole, *whole.rpartition(":")) for whole in self.causal)
        return tuple((key, int(axis)) if key and axis.isdigit() else (whole, 1) for whole, key, _, axis in parts)

    def report(self, stage: str) -> None:
        """Say which stage begins, to whom it may concern."""
        if self.progress is not None:
            self.progress(stage)


SETTINGS: dict[str, Words] = {
    entry.name: entry.metadata["words"] for entry in fields(Options) if "words" in entry.metadata
}
"""The options that are plain data, by the name of their field."""
DEFAULTS: dict[str, object] = {entry.name: entry.default for entry in fields(Options) if entry.name in SETTINGS}
FLAGS: dict[str, str] = {name: f"--{words.flag or name.replace('_', '-')}" for name, words in SETTINGS.items()}
KEYS: dict[str, str] = {words.key or name.replace("_", "-"): name for name, words in SETTINGS.items()}
"""Key of a configuration file to the name of the field."""


# -- what one place says ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    """The settings that one place (a file, a command line) names, and no others: the rest is up to lower ranks."""

    said: Mapping[str, object] = field(default_factory=dict)

    def over(self, lower: Settings) -> Settings:
        """These settings, completed by those of a lower rank; thresholds one by one."""
        said = {**lower.said, **self.said}
        parts = [part for each in (lower, self) if isinstance(part := each.said.get("thresholds"), tuple)]
        if parts:
            said["thresholds"] = tuple({name: number for part in parts for name, number in part}.items())
        return Settings(said)

    @property
    def options(self) -> Options:
        """The options, with defaults for what is not said."""
        return replace(Options(), **self.said)  # type: ignore[arg-type]  # read by the kinds of the same fields

    def arguments(self) -> dict[str, object]:
        """The keyword arguments of `gradlint.check()`, as JSON values: for another process, or to know an answer by."""
        return {name: _plain(name, value) for name, value in {**DEFAULTS, **self.said}.items()}


def _plain(name: str, value: object) -> object:
    if SETTINGS[name].kind in (PAIRS, NUMBERS) and isinstance(value, tuple):
        return dict(value)
    if isinstance(value, tuple):
        return [list(item) if isinstance(item, tuple) else item for item in value]
    return value
