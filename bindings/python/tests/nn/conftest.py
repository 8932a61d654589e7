"""These tests compare with real MLX; without it, or without Quern, they are skipped."""

import pytest

pytest.importorskip("quern.core")
pytest.importorskip("mlx.core")
