"""Makes Resources/keras: models as Keras 3 saves them in the middle of a training, and where it goes from there.

Needs keras 3 and a backend that trains. Usage: python make_keras_trainings.py [FOLDER]
"""

import os
import sys

import keras
import numpy as np
from keras import layers, optimizers

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HOME, "Resources", "keras")
os.makedirs(OUT, exist_ok=True)
random = np.random.default_rng(3)
X = random.normal(0.0, 1.0, (24, 4)).astype(np.float32)
Y = random.normal(0.0, 1.0, (24, 2)).astype(np.float32)


def model():
    x = keras.Input((4,), name="x")
    first = layers.Dense(5, activation="tanh", name="first", kernel_constraint=keras.constraints.MaxNorm(1.2))(x)
    side = layers.Dense(5, name="side", kernel_constraint="non_neg", kernel_regularizer=keras.regularizers.L2(0.01))(x)
    norm = layers.LayerNormalization(name="norm")(layers.Add(name="sum")([first, side]))
    return keras.Model(x, layers.Dense(2, name="last", bias_constraint=keras.constraints.UnitNorm())(norm))


def compiled():
    """Two outputs, of labels and of values."""
    x = keras.Input((4,), name="x")
    h = layers.Dense(5, activation="tanh", name="first")(x)
    made = keras.Model(x, [layers.Dense(3, name="kind")(h), layers.Dense(2, name="place")(h)])
    made.compile(
        optimizers.Adam(0.02),
        loss={"place": "mse", "kind": keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
        loss_weights={"kind": 1.0, "place": 0.5},
        metrics={
            "kind": ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(k=2)],
            "place": [keras.losses.mean_absolute_error, "accuracy"],
        },
        weighted_metrics={"place": ["mse"]},
    )
    return made


CASES = {
    "adam": lambda: optimizers.Adam(0.02, amsgrad=True, clipnorm=1.0),
    "average": lambda: optimizers.AdamW(0.02, weight_decay=0.01, use_ema=True, ema_momentum=0.9),
    "nadam": lambda: optimizers.Nadam(0.02),
    "rmsprop": lambda: optimizers.RMSprop(0.02, momentum=0.5, centered=True),
    "sgd": lambda: optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 20), momentum=0.9, nesterov=True),
    "adadelta": lambda: optimizers.Adadelta(0.5),
    "lamb": lambda: optimizers.Lamb(0.02),
    "ftrl": lambda: optimizers.Ftrl(0.05),
    "adafactor": lambda: optimizers.Adafactor(0.05, weight_decay=0.01),
    "muon": lambda: optimizers.Muon(0.02, exclude_layers=["last"], adam_lr_ratio=0.5),
    "schedule_free": lambda: optimizers.ScheduleFreeAdamW(0.02, warmup_steps=7, weight_decay=0.01),
}


def save(name, trained, targets):
    """What there was in the middle, and where Keras went on to from there."""
    trained.fit(X, targets, batch_size=8, epochs=2, shuffle=False, verbose=0)
    trained.save(os.path.join(OUT, f"{name}.keras"))
    trained = keras.models.load_model(os.path.join(OUT, f"{name}.keras"))
    trained.fit(X, targets, batch_size=8, epochs=1, shuffle=False, verbose=0)
    arrays = {"x": X, "y": Y}
    arrays |= {v.path.replace("/", "."): np.array(v) for v in trained.trainable_variables}
    np.savez_compressed(os.path.join(OUT, f"{name}.npz"), **arrays)


for name, make in CASES.items():
    keras.utils.set_random_seed(1)
    trained = model()
    trained.compile(make(), "mse")
    save(name, trained, Y)
keras.utils.set_random_seed(1)
save("compiled", compiled(), {"kind": np.arange(24) % 3, "place": Y})
