"""Facts for the rules about the contract between sample, model and loss, built by hand."""

from __future__ import annotations

from gradlint.load.binding import bind
from gradlint.load.spec import ArraySpec, InputSpec, LayerSpec, ModelSpec
from gradlint.passes.facts import Facts


def model(*inputs, builtin=True, loss="mse", outputs=("out",), layers=()):
    """A functional model with a dict of inputs; each is `(key, shape)` plus optional fields."""
    specs = tuple(
        InputSpec(key, fields.pop("name", key), shape, fields.pop("dtype", "float32"), **fields)
        for key, shape, fields in ((entry[0], entry[1], dict(entry[2]) if entry[2:] else {}) for entry in inputs)
    )
    return ModelSpec(
        name="m",
        class_name="Functional",
        inputs=specs,
        structure={spec.key: spec.key for spec in specs},
        outputs=outputs,
        output_layers=outputs,
        layers=tuple(LayerSpec(name, name, name, module, None, (), {}) for name, module in layers),
        loss=loss,
        compiled=loss is not None,
        is_builtin_only=builtin,
    )


def facts(spec, **arrays):
    """Facts before the model ran; each array is a shape, or (shape, dtype), or (shape, dtype, whole)."""
    specs = []
    for key, value in arrays.items():
        shape, *rest = value if value and isinstance(value[0], tuple) else (value,)
        specs.append(ArraySpec(key.replace("__", "/"), shape, *(rest or ["float32"])))
    return Facts(spec=spec, arrays=tuple(specs), binding=bind(spec, specs))
