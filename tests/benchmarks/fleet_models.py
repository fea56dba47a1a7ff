"""The fleet that is checked as one: all of `keras.applications` without weights, and small backbones of KerasHub.

Each name of `APPLICATIONS` and `BACKBONES` is a function of this module that builds the model, so that a target of a
configuration can name it: `fleet_models.py:ResNet50`.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

APPLICATIONS = (
    # The largest are apart from each other, as two are in memory at a time.
    "ConvNeXtXLarge", "MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "NASNetMobile",
    "EfficientNetB0", "EfficientNetB1", "ConvNeXtLarge", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4",
    "VGG16", "EfficientNetB5", "EfficientNetV2B0", "EfficientNetV2B1", "VGG19", "EfficientNetV2B2",
    "EfficientNetV2B3", "EfficientNetV2S", "EfficientNetV2L", "DenseNet121", "DenseNet169", "DenseNet201",
    "EfficientNetV2M", "ResNet50", "ResNet50V2", "ResNet101", "NASNetLarge", "ResNet101V2", "ResNet152",
    "EfficientNetB6", "ResNet152V2", "ConvNeXtTiny", "EfficientNetB7", "ConvNeXtSmall", "Xception", "ConvNeXtBase",
    "InceptionV3", "InceptionResNetV2",
)  # fmt: skip
BACKBONES = (
    "AlbertBackbone", "BartBackbone", "BertBackbone", "BloomBackbone", "DINOV2Backbone",
    "DINOV3Backbone", "DebertaV3Backbone", "DeiTBackbone", "DenseNetBackbone", "DistilBertBackbone",
    "ESM2Backbone", "ESMBackbone", "EdRecBackbone", "ElectraBackbone", "FNetBackbone", "FalconBackbone",
    "GPT2Backbone", "GPTNeoXBackbone", "Gemma3Backbone", "Gemma4Backbone", "GemmaBackbone", "GptOssBackbone",
    "Llama3Backbone", "LlamaBackbone", "MiTBackbone", "MistralBackbone", "MixtralBackbone", "MoonshineBackbone",
    "OPTBackbone", "PaliGemmaBackbone", "Phi3Backbone", "Qwen2Backbone", "Qwen3Backbone", "Qwen3MoeBackbone",
    "Qwen3_5Backbone", "Qwen3_5MoeBackbone", "QwenBackbone", "QwenMoeBackbone", "RWKV7Backbone",
    "ResNetBackbone", "RobertaBackbone", "RoformerV2Backbone", "SwinTransformerBackbone", "T5Backbone",
    "T5Gemma2Backbone", "T5GemmaBackbone", "VGGBackbone", "ViTBackbone", "ViTDetBackbone", "WhisperBackbone",
    "XLMRobertaBackbone", "XLNetBackbone",
)  # fmt: skip
SMALL: dict[str, Any] = {
    "vocabulary_size": 64, "vocab_size": 64, "text_vocab_size": 64, "num_layers": 2, "num_heads": 2,
    "num_query_heads": 2, "num_key_value_heads": 2, "num_attention_heads": 2, "head_dim": 8, "head_size": 8,
    "hidden_dim": 16, "hidden_size": 16, "intermediate_dim": 32, "intermediate_size": 32, "embedding_dim": 16,
    "max_sequence_length": 16, "num_segments": 2, "bucket_size": 4, "num_encoder_layers": 2, "num_decoder_layers": 2,
    "num_layers_enc": 2, "num_layers_dec": 2, "key_value_dim": 8, "rotary_percentage": 0.5, "image_shape": (32, 32, 3),
    "image_size": 32, "patch_size": 8, "mlp_dim": 32, "num_mels": 8, "max_encoder_sequence_length": 16,
    "max_decoder_sequence_length": 16, "num_experts": 2, "top_k": 1, "moe_intermediate_dim": 16,
    "shared_expert_intermediate_dim": 16, "shared_expert_intermediate_size": 16, "filter_dim": 16, "num_classes": 2,
    "encoder_num_layers": 2, "decoder_num_layers": 2, "encoder_num_heads": 2, "decoder_num_heads": 2,
    "vit_patch_size": 8, "vit_num_heads": 2, "vit_hidden_dim": 16, "vit_num_layers": 2, "vit_intermediate_dim": 32,
}  # fmt: skip
"""Sizes by the names that the backbones give their arguments; each takes those that it has."""
OWN: dict[str, dict[str, Any]] = {
    "DenseNetBackbone": {"stackwise_num_repeats": [1, 1]},
    "MiTBackbone": {
        "layerwise_depths": [1, 1], "num_layers": 2, "layerwise_num_heads": [1, 2], "layerwise_sr_ratios": [2, 1],
        "max_drop_path_rate": 0.1, "layerwise_patch_sizes": [7, 3], "layerwise_strides": [4, 2],
        "hidden_dims": [16, 32],
    },
    "ResNetBackbone": {
        "input_conv_filters": [64], "input_conv_kernel_sizes": [7], "stackwise_num_filters": [64, 64],
        "stackwise_num_blocks": [1, 1], "stackwise_num_strides": [1, 2], "block_type": "basic_block",
    },
    "SwinTransformerBackbone": {
        "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 2], "window_size": 2, "patch_size": 4,
    },
    "T5GemmaBackbone": {"encoder_layer_types": ["full_attention"] * 2, "decoder_layer_types": ["full_attention"] * 2},
    "T5Gemma2Backbone": {"encoder_layer_types": ["full_attention"] * 2, "decoder_layer_types": ["full_attention"] * 2},
    "VGGBackbone": {"stackwise_num_repeats": [1, 1], "stackwise_num_filters": [8, 16]},
    "ViTDetBackbone": {"global_attention_layer_indices": [1]},
}  # fmt: skip
for _prefix in ("encoder_", "decoder_"):
    SMALL |= {
        f"{_prefix}{name}": SMALL[name]
        for name in ("hidden_dim", "intermediate_dim", "num_attention_heads", "num_key_value_heads", "head_dim")
    }


def application(name: str) -> Any:
    import keras

    return getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3), classes=10)


def backbone(name: str) -> Any:
    import keras_hub

    kind = getattr(keras_hub.models, name)
    taken = inspect.signature(kind.__init__).parameters
    return kind(**{key: value for key, value in SMALL.items() if key in taken} | OWN.get(name, {}))


globals().update({name: partial(application, name) for name in APPLICATIONS})
globals().update({name: partial(backbone, name) for name in BACKBONES})
