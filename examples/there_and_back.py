"""The other side of there_and_back.rs: opens what Rust saved, trains on with Keras, and saves it again.

python examples/there_and_back.py FOLDER   (Keras 3.15 with any backend)
"""

import pathlib
import sys

import keras
import numpy as np

folder = pathlib.Path(sys.argv[1])
model = keras.models.load_model(folder / "there.keras")
data = np.load(folder / "data.npz")
print(f"{int(model.optimizer.iterations)} steps were done in Rust")

model.fit(data["x"], data["y"], batch_size=64)
np.save(folder / "predictions.npy", model.predict(data["x"], verbose=0))
model.save(folder / "back.keras")
