"""Folds batch normalisation into convolutions and rounds to float16, so that a graph computes what was measured.

At inference both are one linear map. Exporters fold them in their own ways and round afterwards, which moved P(IDC) by
up to 0.02: folded first, nothing is left to fold, and a graph with FP16 weights computes what Keras computes.
"""

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from idc_trainer.backbones.base import BuiltBackbone

_Convolution = keras.layers.Conv2D | keras.layers.DepthwiseConv2D


def served(backbone: BuiltBackbone) -> BuiltBackbone:
    """The same network without batch normalisation, its weights rounded to float16 (kept as float32)."""
    norm_of = _norms(backbone.model)
    folded = keras.models.clone_model(
        backbone.model, clone_function=lambda layer: _clone(layer, norm_of), call_function=_call
    )
    for layer in folded.layers:
        if layer.weights:
            source = backbone.model.get_layer(layer.name)
            weights = _folded(source, norm_of[layer.name]) if layer.name in norm_of else source.get_weights()
            layer.set_weights([values.astype(np.float16).astype(np.float32) for values in weights])
    return replace(backbone, model=folded)


def _norms(model: keras.Model) -> dict[str, keras.layers.BatchNormalization]:
    """The batch normalisation behind each convolution, by the convolution's name."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = {norm: norm.input._keras_history.operation for norm in norms}
    return {layer.name: norm for norm, layer in before.items() if isinstance(layer, _Convolution)}


def _clone(layer: Any, norm_of: dict[str, keras.layers.BatchNormalization]) -> Any:
    if layer in norm_of.values():
        return keras.layers.Identity(name=layer.name)
    config = layer.get_config()
    if layer.name in norm_of:
        config["use_bias"] = True
    return type(layer).from_config(config)


def _call(layer: Any, *inputs: Any, **options: Any) -> Any:
    """Call a clone; the options of batch normalisation mean nothing to what stands in its place."""
    return layer(*inputs) if isinstance(layer, keras.layers.Identity) else layer(*inputs, **options)


def _folded(convolution: Any, norm: keras.layers.BatchNormalization) -> list[np.ndarray[Any, Any]]:
    """Kernel and bias of both."""
    kernel, bias = [*convolution.get_weights(), 0.0][:2]
    values = {weight.name: np.asarray(weight) for weight in norm.weights}
    gain = values.get("gamma", 1.0) / np.sqrt(values["moving_variance"] + norm.epsilon)
    shape = (1, 1, -1, 1) if isinstance(convolution, keras.layers.DepthwiseConv2D) else (1, 1, 1, -1)
    return [kernel * gain.reshape(shape), (bias - values["moving_mean"]) * gain + values.get("beta", 0.0)]
