"""Data for training: datasets, a loader with threads, readers of common files.

train = FashionMNIST()
for images, labels in DataLoader(train, 64, shuffle=True, seed=0): ..."""

from .cifar import CIFAR10, CIFAR100
from .dataset import ArrayDataset, Dataset, collate
from .download import data_home, download
from .errors import DataError
from .folder import ImageFolder, read_image
from .idx import MNIST, FashionMNIST, read_idx
from .loader import DataLoader
from .numpy_files import from_npy, from_npz
from .pickles import RestrictedUnpickler

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "ArrayDataset",
    "DataError",
    "DataLoader",
    "Dataset",
    "FashionMNIST",
    "ImageFolder",
    "RestrictedUnpickler",
    "collate",
    "data_home",
    "download",
    "from_npy",
    "from_npz",
    "read_idx",
    "read_image",
]
