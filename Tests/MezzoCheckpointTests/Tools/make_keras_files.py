"""Makes Resources/keras: small models as Keras 3 saves them, and what Keras computes with them.

Needs keras 3 and one of its backends. Usage: python make_keras_files.py [FOLDER]
"""

import os
import sys

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HOME, "Resources", "keras")


# The weights are the same under all policies: one file of a model is enough, with what Keras computes under each.
KEPT = {
    "mlp", "images.mixed_bfloat16", "texts.mixed_float16", "signals.float32", "encoder.float32", "branches.float32",
    "chain.float32", "chain.bfloat16", "masked.float32", "grouped.float32", "scored.float32", "frames.float32",
    "words.float32",
}


def vary(model, seed):
    """Values that no initializer gives, so that a weight in the wrong place shows."""
    random = np.random.default_rng(seed)
    weights = []
    for variable in model.variables:
        value = keras.ops.convert_to_numpy(variable)
        if variable.dtype in ("int64", "uint32"):
            weights.append(value)
            continue
        value = random.normal(0.0, 0.5, value.shape).astype(np.float32)
        if "variance" in variable.name:
            value = np.abs(value) + 0.5
        weights.append(value)
    for variable, value in zip(model.variables, weights):
        variable.assign(value)
    for layer in model.layers:
        # It computes with copies.
        if isinstance(layer, layers.Normalization) and layer.input_mean is None:
            layer.finalize_state()


def save(name, model, *inputs, seed=1):
    vary(model, seed)
    if name in KEPT:
        model.save(os.path.join(OUT, f"{name}.keras"))
    outputs = model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    arrays = {f"x{i}": x for i, x in enumerate(inputs)}
    arrays |= {f"y{i}": np.array(keras.ops.cast(y, "float32")) for i, y in enumerate(outputs)}
    np.savez_compressed(os.path.join(OUT, f"{name}.npz"), **arrays)


def normal(*shape, seed=7):
    return np.random.default_rng(seed).normal(0.0, 1.0, shape).astype(np.float32)


def tokens(*shape, high, seed=7):
    return np.random.default_rng(seed).integers(0, high, shape).astype(np.int32)


os.makedirs(OUT, exist_ok=True)

# A network of dense layers that was trained: its file holds an optimizer too.
mlp = keras.Sequential(
    [
        keras.Input((8,)),
        layers.Dense(6, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)),
        layers.BatchNormalization(),
        layers.Dropout(0.25),
        layers.Dense(5),
        layers.LayerNormalization(),
        layers.Activation("gelu"),
        layers.Dense(3, activation="softmax"),
    ]
)
mlp.compile("adam", "sparse_categorical_crossentropy")
mlp.fit(normal(16, 8), tokens(16, high=3), verbose=0)
save("mlp", mlp, normal(4, 8))
mlp.save_weights(os.path.join(OUT, "mlp.weights.h5"))


def images():
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(3, depth_multiplier=2),
            layers.ReLU(max_value=6.0),
            layers.ZeroPadding2D(((1, 0), (0, 1))),
            layers.SeparableConv2D(3, 2, strides=2, use_bias=False),
            layers.AveragePooling2D((2, 1), strides=1, padding="same"),
            layers.Flatten(),
            layers.Dense(3, dtype="float32"),
        ]
    )


def texts():
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(11, 4),
            layers.SpatialDropout1D(0.1),
            layers.LSTM(3, return_sequences=True),
            layers.Bidirectional(layers.GRU(2, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(3, activation="tanh")),
            layers.SimpleRNN(4),
            layers.Dense(2, dtype="float32"),
        ]
    )


def signals():
    return keras.Sequential(
        [
            keras.Input((12, 3)),
            layers.Conv1D(4, 3, padding="causal", dilation_rate=2),
            layers.PReLU(shared_axes=[1]),
            layers.GroupNormalization(2),
            layers.UpSampling1D(2),
            layers.Cropping1D((1, 2)),
            layers.Conv1DTranspose(3, 2, strides=2, use_bias=False),
            layers.LeakyReLU(negative_slope=0.2),
            layers.RMSNormalization(),
            layers.Permute((2, 1)),
            layers.Reshape((7, 18)),
            layers.UnitNormalization(),
            layers.GlobalMaxPooling1D(),
            layers.Rescaling(0.5, 1.0),
            layers.Dense(4, activation="hard_sigmoid", use_bias=False),
            layers.ELU(0.7),
            layers.RepeatVector(3),
            layers.EinsumDense("abc,cd->abd", (None, 2), bias_axes="d"),
            layers.Softmax(),
            layers.Flatten(),
        ]
    )


def encoder():
    x = keras.Input((5, 4), name="vectors")
    attended = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    h = layers.LayerNormalization(name="norm")(layers.Add(name="residual")([x, attended]))
    y = layers.Dense(2, dtype="float32", name="logits")(layers.GlobalAveragePooling1D()(h))
    return keras.Model(x, y, name="encoder")


def branches():
    a = keras.Input((4,), name="a")
    b = keras.Input((3,), name="b")
    shared = layers.Dense(5, activation="elu", name="shared")
    left = shared(layers.Dense(4, name="left")(a))
    right = shared(layers.Dense(4, name="right")(b))
    both = layers.Concatenate(name="both")([left, right])
    return keras.Model(
        [a, b],
        [layers.Dense(2, dtype="float32", name="first")(both), layers.Dense(1, dtype="float32", name="second")(left)],
        name="branches",
    )


def masked():
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(11, 4, mask_zero=True),
            layers.LSTM(3),
            layers.Dense(2, dtype="float32"),
        ]
    )


def grouped():
    x = keras.Input((5, 8), name="x")
    attended = layers.GroupQueryAttention(4, 4, 2, name="grouped")(x, x, use_causal_mask=True)
    block = keras.Sequential([layers.Dense(6, activation="relu"), layers.LayerNormalization()], name="block")
    output, hidden, cell = layers.LSTM(3, return_state=True, name="states")(block(attended))
    frozen = layers.Dense(4, name="frozen", trainable=False)
    inner_input = keras.Input((3,), name="inner_input")
    inner = keras.Model(inner_input, layers.Dense(3, name="inside")(inner_input), name="inner")
    merged = layers.Concatenate(name="merged")([inner(output), frozen(hidden), cell])
    return keras.Model(x, layers.Dense(2, dtype="float32", name="last")(merged), name="grouped_model")


def scored():
    """Attentions of one head, products along axes, known and learnt means, dropout in a recurrent layer, constraints in attention."""
    x = keras.Input((5, 4), name="x")
    known = layers.Normalization(mean=[0.1, -0.2, 0.3, 0.0], variance=[1.0, 0.5, 2.0, 1.5], name="known")(x)
    learnt = layers.Normalization(name="learnt")(known)
    a = layers.Identity(name="same")(layers.Dense(4, name="first")(learnt))
    b = layers.Attention(use_scale=True, dropout=0.1, name="read")([a, x], use_causal_mask=True)
    c = layers.AdditiveAttention(name="added")([b, x])
    d = layers.LSTM(4, return_sequences=True, dropout=0.2, recurrent_dropout=0.1, seed=3, name="steps")(c)
    e = layers.MultiHeadAttention(
        2, 3, kernel_regularizer="l2", bias_constraint="unit_norm", kernel_constraint="non_neg", name="heads"
    )(d, x)
    return keras.Model(x, layers.Dot(axes=(2, 2), normalize=True, name="angles")([e, b]), name="scored")


def frames():
    """Convolutions that remember, over images and over sequences."""
    x = keras.Input((3, 5, 4, 2), name="x")
    all = layers.ConvLSTM2D(3, (3, 2), padding="same", return_sequences=True, name="all")(x)
    last, state, cell = layers.ConvLSTM2D(
        2, 2, strides=(2, 1), recurrent_activation="hard_sigmoid", return_state=True, go_backwards=True, name="last"
    )(all)
    line = layers.Reshape((3, 10, 4), name="lines")(layers.Flatten(name="flat")(x))
    line = layers.ConvLSTM1D(2, 3, dilation_rate=2, use_bias=False, name="line")(line)
    volume = layers.Reshape((2, 3, 5, 4, 1), name="volumes")(x)
    volume = layers.ConvLSTM3D(1, 2, unit_forget_bias=False, name="volume")(volume)
    flat = [layers.Flatten(name=f"flat_{i}")(y) for i, y in enumerate([last, state, cell, line, volume])]
    return keras.Model(x, layers.Concatenate(name="together", dtype="float32")(flat), name="frames")


def words():
    """A table there and back, scores of sums, gates."""
    ids = keras.Input((6,), dtype="int32", name="ids")
    table = layers.ReversibleEmbedding(11, 4, logit_soft_cap=3.0, name="table")
    untied = layers.ReversibleEmbedding(7, 4, tie_weights=False, name="untied")
    a = table(ids)
    b = untied(ids)
    c = layers.Attention(use_scale=True, score_mode="concat", name="read")([a, b])
    d = layers.Attention(score_mode="concat", name="again")([c, a])
    e = layers.Dense(4, activation="softmax", name="shares")(d)
    gates = layers.Activation("glu", dtype="float32", name="gates")(layers.Dense(8, name="wide")(d))
    out = [
        layers.Activation("linear", dtype="float32", name=name)(y)
        for name, y in [("scores", table(e, reverse=True)), ("others", untied(d, reverse=True)), ("weights", e)]
    ] + [gates]
    return keras.Model(ids, out, name="words")


def chain():
    x = keras.Input((8,))
    y = layers.Dense(3, name="last")(layers.Dense(4, activation="tanh", name="first")(x))
    return keras.Model(x, y, name="chain")


def lattice():
    x = keras.Input((5,), name="x")
    first = layers.Dense(4, activation="tanh", name="z")(x)
    left = layers.Dense(3, name="c")(first)
    right = layers.Dense(3, name="a")(layers.Dense(3, activation="relu", name="m")(x))
    return keras.Model(x, layers.Dense(2, name="b")(layers.Add(name="sum")([left, right])), name="lattice")


MODELS = {
    "images": (images, (normal(3, 8, 8, 2),)),
    "texts": (texts, (tokens(3, 6, high=11),)),
    "signals": (signals, (normal(3, 12, 3),)),
    "masked": (masked, (np.array([[3, 4, 0, 5, 0, 0], [1, 2, 3, 4, 5, 6]], np.int32),)),
    "grouped": (grouped, (normal(2, 5, 8),)),
    "encoder": (encoder, (normal(3, 5, 4),)),
    "scored": (scored, (normal(3, 5, 4),)),
    "branches": (branches, (normal(3, 4), normal(3, 3, seed=8))),
    "frames": (frames, (normal(2, 3, 5, 4, 2),)),
    "words": (words, (tokens(3, 6, high=7),)),
    "chain": (chain, (normal(3, 8),)),
}
for policy in ["float32", "mixed_bfloat16", "mixed_float16", "bfloat16"]:
    keras.config.set_dtype_policy(policy)
    for name, (make, inputs) in MODELS.items():
        if policy == "bfloat16" and name != "chain":
            continue
        keras.utils.set_random_seed(1)
        save(f"{name}.{policy}", make(), *inputs)
keras.config.set_dtype_policy("float32")
keras.utils.set_random_seed(1)
KEPT.add("lattice")
model = lattice()
save("lattice", model, normal(3, 5))
model.save_weights(os.path.join(OUT, "lattice.weights.h5"))

stateful = keras.Sequential(
    [
        keras.Input(batch_shape=(2, 3, 4)),
        layers.LSTM(3, stateful=True, return_sequences=True),
        layers.GRU(2, stateful=True),
    ]
)
vary(stateful, 1)
stateful.save(os.path.join(OUT, "stateful.keras"))
for layer in stateful.layers:
    layer.reset_state()
steps = [normal(2, 3, 4), normal(2, 3, 4, seed=8)]
arrays = {f"x{i}": x for i, x in enumerate(steps)}
arrays |= {f"y{i}": np.array(stateful(x)) for i, x in enumerate(steps)}
np.savez_compressed(os.path.join(OUT, "stateful.npz"), **arrays)
