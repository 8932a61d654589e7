"""All optimizers, by name."""

from quern.optimizers.adafactor import Adafactor
from quern.optimizers.adaptive import AdaDelta, Adagrad, Adam, AdamW, Adamax, RMSprop
from quern.optimizers.base import Optimizer
from quern.optimizers.clipping import clip_grad_norm
from quern.optimizers.gradient_descent import SGD
from quern.optimizers.lion import Lion
from quern.optimizers.multi import MultiOptimizer
from quern.optimizers.muon import Muon
