"""Neural network layers, losses and initializers."""

from quern.nn import init, losses
from quern.nn.layers import *
from quern.nn.padding import pad
from quern.nn.summary import summary
from quern.nn.utils import average_gradients, value_and_grad
from quern.nn.weight_norm import remove_weight_norm, weight_norm
