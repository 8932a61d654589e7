"""Models and weights from elsewhere.

report = torch_state_dict(model, "generator.pth")"""

from .errors import ConversionError
from .layers import conv_transpose_weight, conv_weight, fold_weight_norm
from .report import Report
from .torch_file import read_torch
from .torch_state import read_state, torch_state_dict

__all__ = [
    "ConversionError",
    "Report",
    "conv_transpose_weight",
    "conv_weight",
    "fold_weight_norm",
    "read_state",
    "read_torch",
    "torch_state_dict",
]
