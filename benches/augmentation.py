"""Augmentation of batches of photos by Keras on TensorFlow, in traced functions: BENCH_THREADS=2 python benches/augmentation.py"""

import os
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

threads = int(os.environ.get("BENCH_THREADS", "2"))
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(1)

from keras import layers as L

for batch, size in [(64, 32), (16, 224)]:
    x = tf.constant((np.arange(batch * size * size * 3) % 251).reshape(batch, size, size, 3).astype("float32"))
    print(f"{batch} x {size} x {size} x 3")
    for layer in [
        L.RandomFlip(), L.RandomRotation(0.1), L.RandomTranslation(0.1, 0.1), L.RandomZoom(0.2), L.RandomCrop(24, 24), L.RandomContrast(0.5),
        L.RandomBrightness(0.3), L.RandomHue(0.5), L.RandomSharpness(0.8), L.RandomGaussianBlur(), L.RandomErasing(fill_value=0.0),
        L.RandomPerspective(), L.Equalization(), L.MixUp(), L.RandAugment(),
    ]:
        call = tf.function(lambda x, layer=layer: layer(x, training=True))
        times = []
        for _ in range(12):
            start = time.perf_counter()
            call(x).numpy()
            times.append(time.perf_counter() - start)
        median = sorted(times)[len(times) // 2]
        print(f"{type(layer).__name__:24} {median * 1e3:8.3f} ms {8 * x.shape.num_elements() / median / 1e9:7.2f} GB/s", flush=True)
