"""A small transformer that learns to write, letter by letter, from any text.

    python char_lm.py --text book.txt --epochs 10

Without --text it reads the documentation of this repository. Attention is causal; validation is on the text's end."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

from quern import core as mx
from quern import nn
from quern.data import Dataset


class Windows(Dataset):
    """Windows of ``length`` letters of a text (n,) and the letters that follow each: samples (length,), (length,)."""

    def __init__(self, letters: np.ndarray, length: int):
        self.letters, self.length = letters, length

    def __len__(self) -> int:
        return (len(self.letters) - 1) // self.length

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        start = index * self.length
        window = self.letters[start : start + self.length + 1]
        return window[:-1], window[1:]


class Layer(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiHeadAttention(width, heads)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def __call__(self, x: mx.array, mask: mx.array) -> mx.array:
        y = self.norm1(x)
        x = x + self.dropout(self.attention(y, y, y, mask))
        return x + self.dropout(self.narrow(nn.gelu(self.wide(self.norm2(x)))))


class LanguageModel(nn.Module):
    """Letters (N, L) of int32 to logits of the next one (N, L, letters)."""

    def __init__(
        self, letters: int, length: int, width: int = 128, heads: int = 4, layers: int = 3, dropout: float = 0.1
    ):
        super().__init__()
        self.length = length
        self.letter = nn.Embedding(letters, width)
        self.place = nn.Embedding(length, width)
        self.layers = [Layer(width, heads, dropout) for _ in range(layers)]
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, letters)

    def __call__(self, x: mx.array) -> mx.array:
        length = x.shape[1]
        mask = nn.MultiHeadAttention.create_additive_causal_mask(length)
        h = self.letter(x) + self.place(mx.arange(length))
        for layer in self.layers:
            h = layer(h, mask)
        return self.out(self.norm(h))

    def write(self, start: list[int], count: int, temperature: float) -> list[int]:
        """``count`` letters drawn one after the other, after ``start``."""
        self.eval()
        letters = list(start)
        for _ in range(count):
            logits = self(mx.array([letters[-self.length :]]))[0, -1]
            letters.append(mx.random.categorical(logits / temperature).item())
        return letters[len(start) :]


def default_text() -> str:
    root = Path(__file__).resolve().parents[3]
    return "\n".join(
        path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.md")) if "build" not in path.parts
    )


def main(arguments: list[str] | None = None) -> dict[str, list[float]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="a text file, UTF-8; default the documentation of this repository")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=128, help="letters that the model sees")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--limit", type=int, help="use this many letters of the text")
    parser.add_argument("--write", type=int, default=200, help="letters to write at the end")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--quiet", action="store_true")
    a = parser.parse_args(arguments)
    text = (a.text.read_text(encoding="utf-8") if a.text else default_text())[: a.limit]
    alphabet = sorted(set(text))
    number = {letter: i for i, letter in enumerate(alphabet)}
    data = Windows(np.array([number[letter] for letter in text], np.int32), a.length)
    mx.random.seed(0)
    model = LanguageModel(len(alphabet), a.length, a.width, layers=a.layers)
    model.compile("adamw", "cross_entropy", ["accuracy"], learning_rate=1e-3, clipnorm=1.0)
    history = model.fit(data, batch_size=a.batch, epochs=a.epochs, validation_split=0.1, verbose=0 if a.quiet else 1)
    perplexity = math.exp(history["val_loss"][-1])
    print(f"{len(text)} letters, {len(alphabet)} kinds; perplexity on the end of the text {perplexity:.2f}")
    if a.write:
        print("".join(alphabet[i] for i in model.write([number[text[0]]], a.write, a.temperature)))
    return history


if __name__ == "__main__":
    main()
