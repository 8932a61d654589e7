"""A BigVGAN v2 generator: mel spectrogram in, waveform out, written to a wav file.

    python bigvgan.py --weights bigvgan_generator.pt --mel mel.npy --out speech.wav

After S. Lee et al., "BigVGAN: A Universal Neural Vocoder with Large-Scale Training" (2023): transposed convolutions
that upsample by 256, residual blocks of dilated convolutions, the periodic activation x + sin^2(a x) / b between an up-
and a downsampling by two, which keeps it free of aliasing (T. Karras et al., 2021). Names are those of the published
PyTorch weights, which are converted while they are read. Without weights the generator is random, without a spectrogram
its input is too."""

from __future__ import annotations

import argparse
import math
import time
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quern import core as mx
from quern import nn
from quern.convert import torch_state_dict


@dataclass(frozen=True)
class Config:
    """The 24 kHz model with 100 mel bands and a hop of 256 samples."""

    mels: int = 100
    channels: int = 1536
    rates: tuple[int, ...] = (4, 4, 2, 2, 2, 2)
    kernels: tuple[int, ...] = (8, 8, 4, 4, 4, 4)
    block_kernels: tuple[int, ...] = (3, 7, 11)
    dilations: tuple[int, ...] = (1, 3, 5)
    sample_rate: int = 24_000


SMALL = Config(mels=20, channels=32, rates=(4, 2), kernels=(8, 4), block_kernels=(3, 7), dilations=(1, 3))


def low_pass(cutoff: float, half_width: float, size: int) -> np.ndarray:
    """A Kaiser-windowed sinc of even size, summing to 1: (size,) float32. cutoff and half_width in cycles a sample."""
    attenuation = 2.285 * (size // 2 - 1) * math.pi * 4 * half_width + 7.95
    beta = 0.0
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    elif attenuation >= 21:
        beta = 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    at = np.arange(size) - size / 2 + 0.5
    taps = 2 * cutoff * np.kaiser(size, beta) * np.sinc(2 * cutoff * at)
    return (taps / taps.sum()).astype(np.float32)


class SnakeBeta(nn.Module):
    """x + sin^2(a x) / b with a and b for each channel, kept as logarithms. (N, L, C) to (N, L, C)."""

    def __init__(self, channels: int):
        super().__init__()
        self.alpha = mx.zeros((channels,))
        self.beta = mx.zeros((channels,))

    def __call__(self, x: mx.array) -> mx.array:
        return x + mx.square(mx.sin(x * mx.exp(self.alpha))) / (mx.exp(self.beta) + 1e-9)


class AliasFree(nn.Module):
    """An activation at twice the rate: up by two, ``act``, down by two. (N, L, C) to (N, L, C)."""

    def __init__(self, channels: int):
        super().__init__()
        self.act = SnakeBeta(channels)
        self._taps = mx.broadcast_to(mx.array(low_pass(0.25, 0.3, 12)).reshape(1, 12, 1), (channels, 12, 1))

    def __call__(self, x: mx.array) -> mx.array:
        channels = x.shape[-1]
        x = mx.pad(x, [(0, 0), (5, 5), (0, 0)], mode="edge")
        x = 2 * mx.conv_transpose1d(x, self._taps, stride=2, groups=channels)[:, 15:-15]
        x = mx.pad(self.act(x), [(0, 0), (5, 6), (0, 0)], mode="edge")
        return mx.conv1d(x, self._taps, stride=2, groups=channels)


class Block(nn.Module):
    """Residual steps of two convolutions, the first one dilated. (N, L, C) to (N, L, C)."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]):
        super().__init__()

        def conv(dilation: int) -> nn.Conv1d:
            return nn.Conv1d(channels, channels, kernel, padding=dilation * (kernel - 1) // 2, dilation=dilation)

        self.convs1 = [conv(d) for d in dilations]
        self.convs2 = [conv(1) for _ in dilations]
        self.activations = [AliasFree(channels) for _ in range(2 * len(dilations))]

    def __call__(self, x: mx.array) -> mx.array:
        for i, (first, second) in enumerate(zip(self.convs1, self.convs2)):
            y = first(self.activations[2 * i](x))
            x = x + second(self.activations[2 * i + 1](y))
        return x


class Generator(nn.Module):
    """Mel spectrograms (N, frames, mels) to waveforms (N, frames * hop, 1) in -1..1."""

    def __init__(self, config: Config = Config()):
        super().__init__()
        widths = [config.channels >> i for i in range(len(config.rates) + 1)]
        self.conv_pre = nn.Conv1d(config.mels, widths[0], 7, padding=3)
        self.ups = [
            [nn.ConvTranspose1d(widths[i], widths[i + 1], kernel, stride=rate, padding=(kernel - rate) // 2)]
            for i, (rate, kernel) in enumerate(zip(config.rates, config.kernels))
        ]
        self.resblocks = [Block(w, kernel, config.dilations) for w in widths[1:] for kernel in config.block_kernels]
        self.activation_post = AliasFree(widths[-1])
        self.conv_post = nn.Conv1d(widths[-1], 1, 7, padding=3, bias=False)

    def __call__(self, x: mx.array) -> mx.array:
        x = self.conv_pre(x)
        blocks = len(self.resblocks) // len(self.ups)
        for i, (up,) in enumerate(self.ups):
            x = up(x)
            x = sum(block(x) for block in self.resblocks[i * blocks : (i + 1) * blocks]) / blocks
        return mx.clip(self.conv_post(self.activation_post(x)), -1.0, 1.0)


def published_name(name: str) -> str | None:
    """Names in the published files: the filters of the activations are computed here, not loaded."""
    return None if name.endswith(".filter") else name


def write_wav(path: Path, samples: np.ndarray, rate: int) -> None:
    """Mono, 16 bits. samples: (n,) in -1..1."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def main(arguments: list[str] | None = None) -> np.ndarray:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, help="published generator, .pt or .safetensors; default random")
    parser.add_argument("--mel", type=Path, help="log-mel spectrogram, .npy of (mels, frames); default random")
    parser.add_argument("--frames", type=int, default=32, help="frames of a random spectrogram")
    parser.add_argument("--small", action="store_true", help="a small generator of the same kind, for trying out")
    parser.add_argument("--out", type=Path, default=Path("speech.wav"))
    a = parser.parse_args(arguments)
    config = SMALL if a.small else Config()
    mx.random.seed(0)
    generator = Generator(config)
    generator.eval()
    if a.weights:
        print(torch_state_dict(generator, a.weights, rename=published_name))
    mel = np.load(a.mel).T if a.mel else np.random.default_rng(0).normal(-4, 2, (a.frames, config.mels))
    x = mx.array(mel[None].astype(np.float32))
    start = time.perf_counter()
    samples = np.array(generator(x))[0, :, 0]
    seconds = time.perf_counter() - start
    write_wav(a.out, samples, config.sample_rate)
    length = len(samples) / config.sample_rate
    print(f"{a.out}: {length:.2f} s of sound in {seconds:.2f} s")
    return samples


if __name__ == "__main__":
    main()
