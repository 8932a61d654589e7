"""A program over the package mlx-bigvgan: the mel spectrogram of a sound, and a generator's sound of that; run by
test_bigvgan_package.py on Quern and on MLX. usage: bigvgan_package.py OUT.npz small|full"""

import sys
from types import SimpleNamespace

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten
from mlx_bigvgan import BigVGAN, log_mel_spectrogram
from mlx_bigvgan.bigvgan import ModelConfig

SMALL = SimpleNamespace(
    num_mels=100,
    upsample_initial_channel=32,
    upsample_rates=[4, 2],
    upsample_kernel_sizes=[8, 4],
    resblock="1",
    resblock_kernel_sizes=[3, 7],
    resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5]],
    activation="snakebeta",
    snake_logscale=True,
)
out, size = sys.argv[1:]
draw = np.random.default_rng(0)
generator = BigVGAN(SMALL if size == "small" else ModelConfig())
generator.load_weights(
    [
        (name, mx.array(draw.normal(0, 0.1 if p.ndim < 3 else (p.size / p.shape[0]) ** -0.5, p.shape).astype(np.float32)))
        for name, p in tree_flatten(generator.parameters())
    ]
)
generator.eval()
t = np.arange(24000 // 4, dtype=np.float32) / 24000
mel = log_mel_spectrogram(mx.array(np.sin(2 * np.pi * 440 * t) + 0.1 * draw.normal(size=t.size).astype(np.float32)))
mel = mel.reshape(1, -1, 100) if mel.shape[-1] == 100 else mel.reshape(1, 100, -1).swapaxes(1, 2)
sound = generator(mel)
np.savez(out, mel=np.array(mel), sound=np.array(sound))
