"""The Keras callback: a thin shell over `checking.fitting`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from gradlint.checking.arguments import codes, own_words, refuse_unknown_words, table
from gradlint.checking.assertion import GradientsDoNotFlow
from gradlint.checking.fitting import Report, Watcher, logs_of
from gradlint.errors import UsageError, alike
from gradlint.options import Options
from gradlint.project.terminal import say
from gradlint.upstream.fitting import Callback

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ACTIONS = ("raise", "stop", "warn")
MOST_LAYERS = 12
"""Layers up to which the logs name each of them: Keras's progress bar shows all numbers of the logs."""


class GradientCheck(Callback):  # type: ignore[misc]
    """Check the first batch that `fit` feeds, and look again while it trains.

    ```python
    model.fit(train, callbacks=[gradlint.GradientCheck()])
    ```

    The first batch is checked as `gradlint.check(model, batch)` would, before the first step. Later looks run one
    step without its update, and compare: where gradients become zero or are not finite any more, where all units of a
    rectifier are off, or weights stop moving, the batch of that step is checked as the first one was.

    Args:
        every: steps between looks, or `"epoch"` for one at the end of each; None: as `"epoch"`, and less often where
            looks would take more than 1.2% of the time: a short training gets none, unless this is given.
        action: what a report at or above `fail_on` does: `"raise"` ends `fit` with `GradientsDoNotFlow`, `"stop"` lets
            it end after this step, `"warn"` goes on.
        fail_on: `error`, `warning` or `never`.
        hold: keep the batches of the last two steps and the weights of the last look, so that a loss that is not finite
            can be traced to its operation; None: where steps are long enough for it to cost less than 0.6%.
        by_layer: put the numbers of each layer into the logs; None: of models with few layers.
        tensorboard: folder for TensorBoard summaries of all layers.
        folder: where the batch of a later finding is written to.
        seed: as for `gradlint.check()`, and so are `probes`, `select`, `ignore` and `thresholds`.
        values: refused: options have names.
        words: others are refused.

    Attributes:
        reports: what was found, in order.
        unseen: what could not be looked at, and why.
    """

    def __init__(
        self,
        *values: object,
        every: int | str | None = None,
        action: str = "raise",
        fail_on: str = "error",
        hold: bool | None = None,
        by_layer: bool | None = None,
        tensorboard: str | None = None,
        folder: str = ".",
        seed: int = 0,
        probes: int = 3,
        select: str | Iterable[str] = (),
        ignore: str | Iterable[str] = (),
        thresholds: Mapping[str, float] | None = None,
        **words: object,
    ) -> None:
        super().__init__()
        if values:
            raise UsageError(f"GradientCheck takes its options by name, such as every={values[0]!r}")
        refuse_unknown_words(words, own_words(GradientCheck), "GradientCheck")
        if action not in _ACTIONS:
            hint = alike(str(action), _ACTIONS, repr)
            raise UsageError(f"action must be 'raise', 'stop' or 'warn', not {action!r}{hint}")
        is_number = isinstance(every, int) and not isinstance(every, bool) and every > 0
        if not (every is None or every == "epoch" or is_number):
            hint = alike(every, ("epoch",), repr) if isinstance(every, str) else ""
            raise UsageError(f"every must be a number of steps, 'epoch' or None, not {every!r}{hint}")
        self._options = Options(
            select=codes("select", select),
            ignore=codes("ignore", ignore),
            fail_on=fail_on,
            seed=seed,
            probes=probes,
            thresholds=table("thresholds", thresholds),
        )
        self._every, self._action, self._hold = every, action, hold
        self._by_layer, self._tensorboard, self._folder = by_layer, tensorboard, folder
        self._watcher: Watcher | None = None
        self.reports: tuple[Report, ...] = ()
        self.unseen: tuple[str, ...] = ()

    def set_model(self, model: Any = None) -> None:
        """As Keras calls it.

        Raises:
            UsageError: `callbacks=[GradientCheck]` holds the class, which is called with a model for itself.
        """
        if model is None:
            raise UsageError("GradientCheck is a class; give an instance: callbacks=[GradientCheck()]")
        super().set_model(model)

    def on_train_begin(self, logs: Any = None) -> None:
        """Stand between `fit` and its train function."""
        self._end()
        self.reports = self.unseen = ()
        self._watcher = Watcher(
            self.model,
            self._options,
            every=self._every if isinstance(self._every, int) else None,
            is_thrifty=self._every is None,
            hold=self._hold,
            folder=self._folder,
            tell=self._tell,
            tensorboard=self._tensorboard,
        )
        self._watcher.length = (self.params or {}).get("steps")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note where an epoch begins."""
        if self._watcher is not None:
            self._watcher.begin_epoch(epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Give the numbers of the last look to the logs."""
        if self._watcher is not None:
            self._watcher.end_epoch()
            look = self._watcher.look
            by_layer = len(self.model.layers) <= MOST_LAYERS if self._by_layer is None else self._by_layer
            if logs is not None:
                logs.update(logs_of(look, by_layer))

    def on_train_end(self, logs: Any = None) -> None:
        """Let go of everything."""
        self._end()
        for line in self.unseen:
            say(f"gradlint could not see {line}")

    def _end(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self.unseen = tuple(dict.fromkeys(self._watcher.unseen))
            self._watcher = None

    def _tell(self, report: Report) -> None:
        self.reports = (*self.reports, report)
        is_failure = not report.result.ok
        if is_failure and self._action == "raise":
            where = f"at {report.place}" + (f"; the batch is in {report.sample}" if report.sample else "")
            self._end()
            raise GradientsDoNotFlow(report.result, where)
        print(report, file=sys.stderr)
        if is_failure and self._action == "stop":
            self.model.stop_training = True
