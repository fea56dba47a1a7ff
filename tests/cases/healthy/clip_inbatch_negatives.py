"""CLIP loss over the in-batch similarity matrix with learned temperature."""

import keras
from cases.common import normal, seeded
from keras import layers, ops

register = keras.saving.register_keras_serializable(package="clip_inbatch_negatives")


@register
class Clip(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        a, b = y_pred["img"], y_pred["txt"]
        lg = ops.matmul(a, ops.transpose(b)) * 10.0
        i = ops.arange(ops.shape(a)[0])

        def c(logits):
            return ops.mean(keras.losses.sparse_categorical_crossentropy(i, logits, from_logits=True))

        return 0.5 * (c(lg) + c(ops.transpose(lg)))


@seeded
def build():
    a, b = keras.Input((6,), name="image_feat"), keras.Input((5,), name="text_feat")

    def n(n_):
        return layers.UnitNormalization(name=n_)

    model = Clip(
        {"image_feat": a, "text_feat": b},
        {"img": n("img")(layers.Dense(4, name="wi")(a)), "txt": n("txt")(layers.Dense(4, name="wt")(b))},
    )
    model.compile("adam")
    return model


def sample():
    return {"image_feat": normal(8, 6), "text_feat": normal(8, 5)}


NOTES = {
    "family": "contrastive",
    "why_hard": "no labels; the loss mixes the batch, the outputs do not",
    "legit_nongradient": [],
}
