"""An ordinary MLX program, run by test_process.py on Quern and on MLX; it knows nothing of either."""

import sys
from functools import partial
import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_flatten, tree_map

class MLP(nn.Module):
    def __init__(self, num_layers, input_dim, hidden_dim, output_dim):
        super().__init__()
        sizes = [input_dim] + [hidden_dim] * num_layers + [output_dim]
        self.layers = [nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:])]
        self.norm = nn.LayerNorm(hidden_dim)
        self.drop = nn.Dropout(0.1)
    def __call__(self, x):
        for l in self.layers[:-1]:
            x = self.drop(nn.relu(l(x)))
        return self.layers[-1](self.norm(x))

mx.random.seed(42)
model = MLP(2, 8, 32, 4)
mx.eval(model.parameters())
opt = optim.AdamW(learning_rate=optim.cosine_decay(1e-2, 20), weight_decay=0.01)
x = mx.random.normal((64, 8)); y = mx.argmax(x[:, :4] * x[:, 4:], axis=1)
def loss_fn(model, x, y): return nn.losses.cross_entropy(model(x), y, reduction="mean")
state = [model.state, opt.state, mx.random.state]
@partial(mx.compile, inputs=state, outputs=state)
def step(x, y):
    loss, grads = nn.value_and_grad(model, loss_fn)(model, x, y)
    grads, norm = optim.clip_grad_norm(grads, 1.0)
    opt.update(model, grads)
    return loss, norm
for i in range(10):
    loss, norm = step(x, y); mx.eval(state)
    print(f"{i} {loss.item():.5f} {norm.item():.5f} {opt.learning_rate.item():.6f}")
model.eval()
print(f"acc {mx.mean(mx.argmax(model(x), axis=1) == y).item():.4f}")
model.save_weights("w.safetensors")
model2 = MLP(2, 8, 32, 4); model2.load_weights("w.safetensors"); model2.eval()
print(mx.allclose(model(x), model2(x)).item(), sum(v.size for _, v in tree_flatten(model.parameters())))
q = mx.random.categorical(model(x)); print(q[:10].tolist(), q.dtype)
print(model)
