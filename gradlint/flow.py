"""A recording as a graph: what leads where, and which way the gradient came."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gradlint.operations import INNER_GRADIENT, Trait, has
from gradlint.record.terms import Region, is_float
from gradlint.thresholds import DEFAULT_THRESHOLDS, Thresholds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import networkx as nx

    from gradlint.record.recording import InputRecord, LayerCall, OpRecord, Recording, TensorRecord, VariableRecord
    from gradlint.result import GradientState

LOSS = ("loss", 0)
"""The node of the loss in `Flow.graph`."""


@dataclass(frozen=True)
class Flow:
    """The tensors and operations of one recording, and how values pass through them.

    Tensors and operations are named by their indices in the recording. "Leads to" and "depends on" mean that a
    value passes, whether or not a gradient does; reading only a shape passes no value.
    """

    recording: Recording
    thresholds: Thresholds = DEFAULT_THRESHOLDS

    # -- neighbours ------------------------------------------------------------------------------------

    @cached_property
    def consumers(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """For each tensor, the (operation, operand number) pairs that take its value."""
        found: list[list[tuple[int, int]]] = [[] for _ in self.recording.tensors]
        for position, op in enumerate(self.recording.ops):
            if has(op.type, Trait.READS_SHAPE):
                continue
            for operand, tensor in enumerate(op.inputs):
                found[tensor].append((position, operand))
        return tuple(tuple(pairs) for pairs in found)

    @cached_property
    def _operands(self) -> tuple[tuple[int, ...], ...]:
        """For each operation, the tensors whose value it takes."""
        return tuple(() if has(op.type, Trait.READS_SHAPE) else op.inputs for op in self.recording.ops)

    def op(self, position: int) -> OpRecord:
        return self.recording.ops[position]

    def tensor(self, index: int) -> TensorRecord:
        return self.recording.tensors[index]

    def producers(self, tensor: int) -> Iterator[int]:
        """Operations that made a tensor: one, or two where a custom gradient wraps its maker."""
        first = self.recording.tensors[tensor].producer
        if first is not None:
            yield first
        yield from self._wrappers.get(tensor, ())

    @cached_property
    def _wrappers(self) -> dict[int, tuple[int, ...]]:
        found: dict[int, list[int]] = {}
        for position, op in enumerate(self.recording.ops):
            for tensor in op.outputs:
                if self.recording.tensors[tensor].producer != position:
                    found.setdefault(tensor, []).append(position)
        return {tensor: tuple(positions) for tensor, positions in found.items()}

    def state(self, tensor: int) -> GradientState:
        """State of the gradient of the loss with respect to a tensor."""
        return self.recording.tensors[tensor].gradient.state

    def is_all_zero(self, tensor: int) -> bool:
        """Whether all values of a tensor are known to be zero."""
        values = self.recording.tensors[tensor].values
        return values is not None and values.zeros == 1.0

    def calls_around(self, position: int) -> list[tuple[int, LayerCall]]:
        """The calls of layers that an operation belongs to, each with its number, innermost first."""
        around = [(n, call) for n, call in enumerate(self.recording.calls) if call.first <= position < call.last]
        return sorted(around, key=lambda pair: pair[1].last - pair[1].first)

    # -- reach -----------------------------------------------------------------------------------------

    def descendants(self, starts: Iterable[int], passes: Callable[[int, int], bool] | None = None) -> frozenset[int]:
        """Tensors that depend on any of `starts`, which are included.

        Args:
            starts: tensor indices.
            passes: whether values pass through an operation from one operand; they do if not given.
        """
        seen = set(starts)
        queue = deque(seen)
        while queue:
            for position, operand in self.consumers[queue.popleft()]:
                if passes is None or passes(position, operand):
                    for output in self.recording.ops[position].outputs:
                        if output not in seen:
                            seen.add(output)
                            queue.append(output)
        return frozenset(seen)

    def ancestors(self, starts: Iterable[int], passes: Callable[[int, int], bool] | None = None) -> frozenset[int]:
        """Tensors on which any of `starts` depends; `starts` are included."""
        seen = set(starts)
        queue = deque(seen)
        while queue:
            for position in self.producers(queue.popleft()):
                for operand, tensor in enumerate(self._operands[position]):
                    if tensor not in seen and (passes is None or passes(position, operand)):
                        seen.add(tensor)
                        queue.append(tensor)
        return frozenset(seen)

    def reads(self, position: int, operand: int) -> bool:
        """Whether an operation makes a value of one operand: of what an optimizer wrote, a loss reads the variable."""
        return operand == 0 or self.recording.ops[position].region is not Region.UPDATE

    @cached_property
    def behind_loss(self) -> frozenset[int]:
        """Tensors on which the loss depends."""
        tensor = self.recording.loss.tensor
        return frozenset() if tensor is None else self.ancestors([tensor], self.reads)

    @cached_property
    def behind_loss_by_value(self) -> frozenset[int]:
        """Tensors on which the loss depends other than through a derivative that the model itself takes."""
        tensor = self.recording.loss.tensor
        if tensor is None:
            return frozenset()
        return self.ancestors(
            [tensor], lambda op, operand: self.recording.ops[op].type != INNER_GRADIENT and self.reads(op, operand)
        )

    # -- what should learn -----------------------------------------------------------------------------

    @cached_property
    def learners(self) -> tuple[VariableRecord, ...]:
        """The trainable variables, without those that the model's own `train_step` leaves out."""
        return tuple(
            v
            for v in self.recording.variables
            if v.trainable and v.tracked and v.left_out is None and is_float(v.dtype)
        )

    @cached_property
    def learning(self) -> frozenset[str]:
        """The paths of the learners."""
        return frozenset(v.path for v in self.learners)

    @cached_property
    def variable_of(self) -> dict[int, VariableRecord]:
        """The variable that a tensor is the resource handle of."""
        return {v.tensor: v for v in self.recording.variables if v.tensor is not None}

    @cached_property
    def float_inputs(self) -> tuple[InputRecord, ...]:
        return tuple(i for i in self.recording.inputs if is_float(i.dtype))

    @cached_property
    def _keys(self) -> tuple[list[int], dict[int, int]]:
        """The input keys on which each tensor and each operation depends, a bit for each key.

        To join sets of names at each operation would take as long as there are keys.
        """
        bit = {key: 1 << place for place, key in enumerate(self._names_of_keys)}
        of_tensors = [0] * len(self.recording.tensors)
        for record in self.recording.inputs:
            if record.tensor is not None:
                of_tensors[record.tensor] |= bit[record.key]
        of_operations: dict[int, int] = {}
        for position, op in enumerate(self.recording.ops):
            if has(op.type, Trait.READS_SHAPE):
                continue
            union = 0
            for tensor in op.inputs:
                union |= of_tensors[tensor]
            of_operations[position] = union
            for output in op.outputs:
                of_tensors[output] |= union
        return of_tensors, of_operations

    @cached_property
    def _names_of_keys(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(record.key for record in self.recording.inputs))

    @cached_property
    def _named_already(self) -> dict[int, frozenset[str]]:
        return {}

    def _named(self, bits: int) -> frozenset[str]:
        known = self._named_already
        if bits not in known:
            known[bits] = frozenset(key for place, key in enumerate(self._names_of_keys) if bits >> place & 1)
        return known[bits]

    def keys_behind(self, position: int) -> frozenset[str]:
        """The input keys on which an operation depends; none where it reads a shape alone."""
        return self._named(self._keys[1].get(position, 0))

    def keys_behind_tensor(self, tensor: int) -> frozenset[str]:
        """The input keys on which a tensor depends; an input depends on itself."""
        return self._named(self._keys[0][tensor])

    @cached_property
    def branches(self) -> dict[str, frozenset[str]]:
        """For each variable, the input keys whose branch it is on: those it meets first on the way to the loss."""
        return {
            variable.path: self._first_keys(variable.tensor) if variable.tensor is not None else frozenset()
            for variable in self.recording.variables
        }

    def _first_keys(self, start: int) -> frozenset[str]:
        seen, queue, keys = {start}, deque([start]), set[str]()
        while queue:
            for position, _ in self.consumers[queue.popleft()]:
                met = self.keys_behind(position)
                if met:
                    keys |= met
                    continue
                for output in self.recording.ops[position].outputs:
                    if output not in seen:
                        seen.add(output)
                        queue.append(output)
        return frozenset(keys)

    # -- the public graph ------------------------------------------------------------------------------

    @cached_property
    def graph(self) -> nx.DiGraph[object]:
        """Inputs and variables, through operations, to outputs and loss.

        Nodes are `("input", key)`, `("variable", path)`, `("op", position)`, `("output", name)` and `LOSS`, with
        the attributes `kind` and `label`; operations also carry `type`, `layer`, `file`, `line`, `shapes` and
        `dtypes`; inputs and variables `gradient` and `norm`; variables `trainable`. Edges carry `shape`, `dtype`,
        `gradient` and `norm` of the tensor that passes, and `local`: what the operation's own gradient function
        hands to it.
        """
        import networkx as nx  # as slow to import as all of gradlint, and not needed for a preflight answer

        graph: nx.DiGraph[object] = nx.DiGraph()
        nodes: dict[int, object] = {}

        def begin(kind: str, label: str, record: InputRecord | VariableRecord, **more: object) -> None:
            node = (kind, label)
            state, norm = record.gradient.state.value, record.gradient.norm
            ends = {"shapes": [record.shape], "dtypes": [record.dtype], "gradient": state, "norm": norm}
            graph.add_node(node, kind=kind, label=label, **ends, **more)
            if record.tensor is not None:
                nodes[record.tensor] = node

        for record in self.recording.inputs:
            begin("input", record.key, record)
        for variable in self.recording.variables:
            branches = sorted(self.branches[variable.path])
            begin("variable", variable.path, variable, trainable=variable.trainable, inputs=branches)
        for position, op in enumerate(self.recording.ops):
            graph.add_node(
                ("op", position),
                kind="op",
                label=f"{op.layer} {op.type}".strip(),
                type=op.type,
                layer=op.layer,
                file=op.file,
                line=op.line,
                shapes=[self.tensor(index).shape for index in op.outputs],
                dtypes=[self.tensor(index).dtype for index in op.outputs],
            )
            for operand, index in enumerate(op.inputs):
                source, target = nodes.get(index), ("op", position)
                # Of several tensors between two operations, an integer does not hide a float.
                if source is not None and (self.tensor(index).is_float or not graph.has_edge(source, target)):
                    local = op.local[operand].value if operand < len(op.local) else "unasked"
                    graph.add_edge(source, target, **self._edge(index), local=local)
            for index in op.outputs:
                nodes[index] = ("op", position)
        for output in self.recording.outputs:
            graph.add_node(("output", output.name), kind="output", label=output.name)
            if output.tensor in nodes:
                graph.add_edge(nodes[output.tensor], ("output", output.name), **self._edge(output.tensor))
        loss = self.recording.loss.tensor
        if loss is not None:
            graph.add_node(LOSS, kind="loss", label="loss")
            if loss in nodes:
                graph.add_edge(nodes[loss], LOSS, **self._edge(loss))
        return graph

    def _edge(self, index: int) -> dict[str, object]:
        tensor = self.tensor(index)
        return {
            "shape": tensor.shape,
            "dtype": tensor.dtype,
            "gradient": tensor.gradient.state.value,
            "norm": tensor.gradient.norm,
        }
