"""Goes on training an exported network in PyTorch, on as many processes and machines as torchrun starts.

    npm run export -- runs/mine --to safetensors --out mine.safetensors
    torchrun --nproc_per_node 2 examples/continue_in_pytorch.py mine.safetensors pictures
    npm run predict -- --weights continued.safetensors photo.jpg      # and: npm run train -- --weights …

pictures/train/CLASS/… trains and pictures/val/CLASS/… validates, prepared as the file says; of a network of several labels a
picture, `pictures` is the list with the columns file, labels and split. Before the first step the loss is the one that
`npm run evaluate` prints. Needs torch, torchvision, safetensors, and timm for networks under its names.
"""

import argparse
import csv
import json
import math
import pathlib
import re

import torch
import torch.distributed as dist
import torchvision
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, Subset
from torchvision import transforms as T

parser = argparse.ArgumentParser()
parser.add_argument('weights')
parser.add_argument('pictures')
parser.add_argument('--out', default='continued.safetensors')
parser.add_argument('--epochs', type=int, default=1)
parser.add_argument('--batch', type=int, default=16, help='pictures a process and step')
parser.add_argument('--lr', type=float, default=3e-4)
args = parser.parse_args()

with safe_open(args.weights, 'pt') as file:
    metadata = file.metadata()
    state = {name: file.get_tensor(name) for name in file.keys()}
classes = json.loads(metadata['classes'])
preparing = json.loads(metadata['preprocessing'])
network = json.loads(metadata['tessera.model'])
several = metadata.get('task') == 'labels'


def build():
    name, options = network['name'], network['options']
    if 'conv_stem.weight' not in state:
        name = {'mobilenetv2_100': 'mobilenet_v2'}.get(name, name)
        return getattr(torchvision.models, name)(num_classes=len(classes))
    import timm

    pad_type = 'same' if options.get('padding') == 'same' else ''
    name = name.removeprefix('tf_')
    name = {'mobilenet_v2': 'mobilenetv2_100'}.get(name, name)
    return timm.create_model(name, num_classes=len(classes), pad_type=pad_type, bn_eps=options.get('normEps', 1e-5))


size, mean, std = preparing['inputSize'], preparing['mean'], preparing['std']
mode = T.InterpolationMode(preparing['interpolation'])
normalise = [T.ToTensor(), T.Normalize(mean, std)]
whole = T.Compose([T.Resize(preparing['resizeSize'], mode), T.CenterCrop(size), *normalise])
crops = T.Compose([T.RandomResizedCrop(size, (0.35, 1), interpolation=mode), T.RandomHorizontalFlip(), *normalise])


class Listed(torch.utils.data.Dataset):
    """The pictures of a list whose split is this one, each with 0 or 1 for every label."""

    def __init__(self, path, split, prepare):
        with open(path, encoding='utf-8-sig') as file:
            rows = [row for row in csv.DictReader(file) if row['split'] == split]
        names = [set(filter(None, re.split('[|;]', row['labels']))) for row in rows]
        if unknown := set().union(*names) - set(classes):
            raise SystemExit(f'{path} has the labels {sorted(unknown)}, which {args.weights} does not know')
        self.files = [pathlib.Path(path).parent / row['file'] for row in rows]
        self.targets = torch.tensor([[float(label in own) for label in classes] for own in names])
        self.prepare = prepare

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        return self.prepare(Image.open(self.files[index]).convert('RGB')), self.targets[index]


if several:
    train, val = Listed(args.pictures, 'train', crops), Listed(args.pictures, 'val', whole)
else:
    train = torchvision.datasets.ImageFolder(f'{args.pictures}/train', crops)
    val = torchvision.datasets.ImageFolder(f'{args.pictures}/val', whole)
    if train.classes != classes or val.classes != classes:
        raise SystemExit(f'{args.pictures} has the folders {train.classes}, {args.weights} the classes {classes}')

dist.init_process_group('nccl' if torch.cuda.is_available() else 'gloo')
rank, processes = dist.get_rank(), dist.get_world_size()
device = torch.device('cuda', rank % torch.cuda.device_count()) if torch.cuda.is_available() else torch.device('cpu')
torch.manual_seed(0)
network_here = build()
network_here.load_state_dict(state, strict=True)
model = DistributedDataParallel(network_here.to(device))
optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
sampler = DistributedSampler(train, seed=0)
batches = DataLoader(train, args.batch, sampler=sampler)
loss_of = torch.nn.BCEWithLogitsLoss() if several else torch.nn.CrossEntropyLoss()
thresholds = torch.tensor(json.loads(metadata.get('thresholds', '[]')), device=device)


def count_right(y, labels):
    """Pictures whose class is right, or every label from its threshold on."""
    if several:
        return ((y.sigmoid() >= thresholds) == labels.bool()).all(1).sum()
    return (y.argmax(1) == labels).sum()


def validate(what):
    """Loss and accuracy over all validation pictures, each seen by one process."""
    model.eval()
    own = Subset(val, range(rank, len(val), processes))
    sums = torch.zeros(3, dtype=torch.float64, device=device)
    with torch.inference_mode():
        for x, labels in DataLoader(own, args.batch):
            y, labels = model.module(x.to(device)), labels.to(device)
            count = torch.tensor(float(len(labels)), dtype=torch.float64, device=device)
            sums += torch.stack([loss_of(y, labels).double() * count, count_right(y, labels).double(), count])
    dist.all_reduce(sums)
    loss, right, count = sums.tolist()
    if rank == 0:
        print(f'{what}: loss {loss / count:.7f}, {right / count:.1%} of {count:.0f} pictures are right', flush=True)


validate('as it came')
steps = args.epochs * len(batches)
step = 0
for epoch in range(args.epochs):
    model.train()
    for module in model.modules():  # Norms keep their statistics, as with Tessera: small batches have none to trust.
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    sampler.set_epoch(epoch)
    for x, labels in batches:
        for group in optimizer.param_groups:
            group['lr'] = args.lr * (1 + math.cos(math.pi * step / steps)) / 2
        loss = loss_of(model(x.to(device)), labels.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
    validate(f'epoch {epoch + 1}')

if rank == 0:
    trained = {name: tensor.detach().cpu().contiguous() for name, tensor in model.module.state_dict().items()}
    save_file(trained, args.out, metadata)
dist.destroy_process_group()
