"""The CUDA backend of MLX, which is not there."""


def is_available() -> bool:
    """Whether there is a CUDA device: never."""
    return False
