"""Classification heads in PyTorch that move their own rows: SGD with momentum and weight decay."""
import torch
from torch.nn import functional

SCALE, MARGIN, RATE, MOMENTUM, DECAY = 64, 0.4, 0.1, 0.9, 5e-4


def make_head(name, identities, columns, dimension):
    """A function of embeddings and labels that goes backward and moves its rows, and how many numbers it holds."""
    if name == "pytorch-metric-learning":
        return metric_learning(identities, dimension)
    weight = 0.01 * torch.randn(identities, dimension)
    momentum = torch.zeros_like(weight)

    def loss_of(embeddings, rows, targets):
        logits = functional.linear(functional.normalize(embeddings), functional.normalize(rows))
        # In place, of the samples' own classes alone: copies of B x N would be most of the time.
        logits[torch.arange(len(targets)), targets] -= MARGIN
        return functional.cross_entropy(logits.mul_(SCALE), targets)

    def full_softmax(embeddings, labels):
        weight.requires_grad_()
        loss_of(embeddings, weight, labels).backward()
        with torch.no_grad():
            gradient = weight.grad.add_(weight, alpha=DECAY)
            momentum.mul_(MOMENTUM).add_(gradient)
            weight.sub_(momentum, alpha=RATE)
        weight.grad = None

    def partial_fc(embeddings, labels):
        # As InsightFace draws them: uniform numbers for all, the positives' above them, the highest are taken.
        draw = torch.rand(identities)
        draw[labels] = 2
        index = torch.topk(draw, columns).indices.sort().values
        rows = weight[index].requires_grad_()
        loss_of(embeddings, rows, torch.searchsorted(index, labels)).backward()
        with torch.no_grad():
            gradient = rows.grad.add_(rows, alpha=DECAY)
            moved = momentum[index].mul_(MOMENTUM).add_(gradient)
            momentum[index] = moved
            weight[index] = rows.sub_(moved, alpha=RATE)

    return {"full-softmax": full_softmax, "partial-fc": partial_fc}[name], 2 * weight.numel()


def metric_learning(identities, dimension):
    from pytorch_metric_learning.losses import CosFaceLoss

    loss = CosFaceLoss(num_classes=identities, embedding_size=dimension, margin=MARGIN, scale=SCALE)
    optimizer = torch.optim.SGD(loss.parameters(), RATE, MOMENTUM, weight_decay=DECAY)

    def take(embeddings, labels):
        optimizer.zero_grad()
        loss(embeddings, labels).backward()
        optimizer.step()

    return take, 2 * identities * dimension
