"""While `fit` runs: its first batch is checked as any sample, later ones are looked at, and checked where they turn."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gradlint.checking.own_steps import check_own_step, with_forward
from gradlint.checking.road import checked
from gradlint.load.model.live import trains_itself
from gradlint.load.model.own_step import train_step_of
from gradlint.result import Result
from gradlint.rules import gl301_nonfinite_gradient, gl302_nonfinite_activation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gradlint.finding import Finding
    from gradlint.options import Options
    from gradlint.record.look import Look, Weights

MOST_SHARE = 0.012
"""Share of the time of a training that looks take when nobody says how often, without the one at the first batch.

With what holding batches may take (`record.feeding`), it stays below the 2% that are promised."""

_NONFINITE = frozenset({gl301_nonfinite_gradient.RULE.code, gl302_nonfinite_activation.RULE.code})


@dataclass(frozen=True, slots=True)
class Report:
    """What was found at one step.

    Attributes:
        step: the step after which it was seen, counted from 1.
        epoch: of that step, counted from 1.
        since: the last step at which it was not there; 0 for what is there from the start.
        result: what the check of the step's batch found, without what earlier reports tell.
        sample: the file that the batch was written to.
    """

    step: int
    epoch: int
    since: int
    result: Result
    sample: str | None = None

    @property
    def place(self) -> str:
        """`step 1,207 (epoch 3)`."""
        if self.since == 0:
            return "the first batch"
        began = f", and was not there at step {self.since:,}" if self.since < self.step - 1 else ""
        return f"step {self.step:,} (epoch {self.epoch}){began}"

    def __str__(self) -> str:
        """The report as a table, under a line that says where it is from."""
        written = f"\nthe batch is in {self.sample}" if self.sample else ""
        return f"gradlint: {self.place}\n{self.result}{written}"


class Watcher:
    """Follows one training.

    Args:
        model: that `fit` trains.
        options: of the checks.
        every: steps between looks; None: once an epoch.
        is_thrifty: leave looks out that would cost more than `MOST_SHARE` of the time.
        hold: as for `Feed`.
        folder: where batches are written to.
        tell: called with each report that has findings.
        tensorboard: folder of TensorBoard's summaries.
    """

    def __init__(
        self,
        model: Any,
        options: Options,
        *,
        every: int | None,
        is_thrifty: bool,
        hold: bool | None,
        folder: str,
        tell: Callable[[Report], None],
        tensorboard: str | None,
    ) -> None:
        from gradlint.record.feeding import Feed
        from gradlint.record.look import Summaries

        self._model, self._options, self._tell = model, options, tell
        self._every, self._is_thrifty, self._folder = every, is_thrifty, folder
        self._known: set[tuple[object, ...]] = set()
        self._summaries = Summaries(tensorboard) if tensorboard else None
        self._before: Weights | None = None
        self._healthy: tuple[int, Weights] | None = None
        self._last: tuple[int, Look] | None = None
        self._started, self._spent, self._price = time.perf_counter(), 0.0, 0.0
        self._checked, self._is_broken = False, False
        self.epoch, self.begun = 0, 0
        self.length: int | None = None
        self.unseen: list[str] = []
        self._feed = Feed(model, self._wants, self._ran, hold)

    def close(self) -> None:
        """Keep nothing."""
        if self._feed.unseen and self._is_broken:
            self.unseen.append(f"the batch of a step whose loss is not finite: {self._feed.unseen}")
        self._feed.close()
        self._before = self._healthy = None
        if self._summaries is not None:
            self._summaries.close()

    def begin_epoch(self, epoch: int) -> None:
        """An epoch begins."""
        self.epoch, self.begun = epoch, self._feed.step

    def end_epoch(self) -> None:
        """An epoch is over: now its length is known."""
        self.length = self._feed.step - self.begun

    @property
    def look(self) -> Look | None:
        """The last one."""
        return self._last[1] if self._last is not None else None

    # -- what the feed asks ----------------------------------------------------------------------------

    def _wants(self, step: int, batch: Callable[[], Any]) -> bool:
        """Whether the batch of a step is looked at after it; the first batch is checked before it."""
        if not self._checked:
            self._checked = True
            self._check(batch(), step, since=0)
            is_due = True
        else:
            is_due = self._is_due(step)
        if is_due and not self._is_broken:
            from gradlint.record.look import Weights

            self._before = Weights(self._model)
        return is_due

    def _is_due(self, step: int) -> bool:
        last = step + self._feed.per_call - 1
        if self._every is not None:
            return last // self._every > (step - 1) // self._every
        if self.length is None or last < self.begun + self.length:
            return False
        limit = MOST_SHARE * (time.perf_counter() - self._started)
        return not self._is_thrifty or self._spent + self._price <= limit

    def _ran(self, step: int, batch: Any, logs: Any) -> None:
        from gradlint.record.feeding import is_finite
        from gradlint.record.look import Weights, look

        if self._is_broken:
            return
        if not is_finite(logs):
            self._is_broken = True
            self._explain_nonfinite(step)
            return
        if batch is None or self._before is None:
            return
        started = time.perf_counter()
        try:
            seen = look(self._model, batch, self._before.ratios())
        except Exception as error:  # A look must not end a training.
            self._cannot_see(f"step {step:,}", error)
            self._before = None
            return
        self._before = None
        was, self._last = self._last, (step, seen)
        if self._summaries is not None:
            self._summaries.write(seen, step)
        if self._feed.holds and not seen.nonfinite:
            self._healthy = (step, Weights(self._model, with_slots=True))
        now = time.perf_counter()
        if was is None:  # It belongs to the check of the first batch, and is the dearest: nothing was called before.
            self._started = now
        else:
            self._spent += now - started
        self._price = now - started
        if seen.nonfinite and self._healthy is not None:
            self._is_broken = True  # The loss may be finite still: a rectifier makes 0 of NaN.
            self._explain_nonfinite(step)
        elif was is not None and _has_turned(was[1], seen):
            self._check(batch, step, since=was[0])

    # -- checks ----------------------------------------------------------------------------------------

    def _check(self, batch: Any, step: int, since: int, *, saves: bool = False) -> tuple[Finding, ...]:
        """Check the model with a batch, and tell what no report before has told."""
        try:
            if trains_itself(self._model, self._options):
                # As it is: fit hands it over so.
                own, forward = with_forward(train_step_of(self._model, batch), self._options)
                result = check_own_step(own, self._options, forward)
            else:
                result = checked(self._model, batch if isinstance(batch, tuple) else (batch,), self._options)
        except Exception as error:  # Whatever stops a check must not stop a training.
            self._cannot_see(f"step {step:,}", error)
            return ()
        new = tuple(finding for finding in result.findings if _key(finding) not in self._known)
        self._known.update(map(_key, new))
        if new:
            self._report(replace(result, findings=new), batch if since or saves else None, step, since)
        return new

    def _report(self, result: Result, batch: Any, step: int, since: int) -> None:
        sample = self._saved(batch, step) if batch is not None else None
        self._tell(Report(step, self.epoch + 1, since, result, sample))

    def _explain_nonfinite(self, step: int) -> None:
        """The loss is not finite after a step: find the operation, with the weights of the last look."""
        batches = list(self._feed.batches)
        since = self._healthy[0] if self._healthy is not None else 0
        if self._healthy is not None:
            for at, batch in batches:
                with self._healthy[1].in_place():
                    found = self._check(batch, at, since=max(since, 1), saves=True)
                if any(finding.code in _NONFINITE for finding in found):
                    return
        ratios = self.look.ratios if self.look is not None else {}
        why = "its batch was not held" if not batches else "its batch gives finite gradients with the weights of then"
        message = f"the loss or a gradient is not finite after step {step:,}: {why}"
        if ratios:
            layer = max(ratios, key=lambda name: ratios[name])
            message += f"; at the last look, '{layer}' moved by {ratios[layer]:.1e} of its size in a step"
        finding = gl302_nonfinite_activation.RULE.finding(message, evidence={"step": step, "last_look": since})
        result = Result(
            target=str(self._model.name),
            model=str(self._model.name),
            sample=f"the batch of step {step:,}",
            loss="the loss of fit",
            depth="values",
            findings=(finding,),
            fail_on=self._options.fail_on,
            catalogue=(gl302_nonfinite_activation.RULE.info,),
        )
        self._report(result, batches[-1][1] if batches else None, step, max(since, 1))

    def _saved(self, batch: Any, step: int) -> str | None:
        from pathlib import Path

        import numpy as np

        from gradlint.record.look import arrays_of

        path = Path(self._folder) / f"gradlint-step-{step}.npz"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            arrays: dict[str, Any] = dict(arrays_of(batch))
            np.savez(path, **arrays)
        except (OSError, ValueError) as error:
            self._cannot_see(f"the batch of step {step:,}", error)
            return None
        return str(path)

    def _cannot_see(self, what: str, error: Exception) -> None:
        text = " ".join(str(error).split())[:300]
        self.unseen.append(f"{what}: {text or type(error).__name__}")


def _has_turned(was: Look, now: Look) -> bool:
    """Whether something is worse than at the last look: only then is a whole check worth its time."""
    return (
        bool(set(now.zeros) - set(was.zeros))
        or bool(set(now.nonfinite) - set(was.nonfinite))
        or any(share == 1.0 and was.dead.get(layer, 1.0) < 1.0 for layer, share in now.dead.items())
        or any(ratio == 0.0 and was.ratios.get(layer, 0.0) > 0.0 for layer, ratio in now.ratios.items())
        or any(not math.isfinite(ratio) for ratio in now.ratios.values())
    )


def _key(finding: Finding) -> tuple[object, ...]:
    cause = finding.cause
    return finding.code, cause.layer, cause.op, cause.file, cause.line, finding.inputs, finding.variables


def logs_of(look: Look | None, by_layer: bool) -> Mapping[str, float]:
    """The numbers for Keras's logs; none where nothing was looked at."""
    return look.numbers(by_layer) if look is not None else {}
