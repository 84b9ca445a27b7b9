"""A stand-in for `mmcv.ops` where its compiled code is absent: what CenterNet and its rivals need, by torchvision.

mmdet guards its imports of the rest by `except ImportError`, so asking for what is not here raises that.
"""

import importlib.util
import sys

import torch
from torchvision.ops import nms as torchvision_nms
from torchvision.ops import sigmoid_focal_loss as torchvision_focal_loss


def install() -> str:
    """Put this module in the place of `mmcv.ops` unless the compiled one is there; returns which one is used.

    To be called before mmdet is imported.
    """
    if importlib.util.find_spec("mmcv._ext") is not None:
        return "mmcv's own, compiled"
    import mmcv

    sys.modules["mmcv.ops"] = mmcv.ops = sys.modules[__name__]
    return "torchvision's, as mmcv has none that are compiled"


def nms(boxes, scores, iou_threshold, offset=0, score_threshold=0, max_num=-1):
    """Boxes (n, 4) that no better one overlaps by more than the threshold: rows (k, 5) with scores, and their places.

    Raises: NotImplementedError for an offset other than 0, which belongs to boxes that count their last pixel twice.
    """
    if offset:
        raise NotImplementedError(f"nms with an offset of {offset}; only 0 is served")
    wanted = torch.where(scores > score_threshold)[0] if score_threshold > 0 else torch.arange(len(scores))
    wanted = wanted.to(boxes.device)
    keep = wanted[torchvision_nms(boxes[wanted].float(), scores[wanted].float(), iou_threshold)]
    keep = keep[:max_num] if max_num > 0 else keep
    return torch.cat([boxes[keep], scores[keep, None]], dim=1), keep


def batched_nms(boxes, scores, idxs, nms_cfg, class_agnostic=False):
    """`nms` of each class of `idxs` (n,) alone; the same answer as mmcv's, for `type="nms"`."""
    if nms_cfg is None:
        order = scores.sort(descending=True).indices
        return torch.cat([boxes[order], scores[order, None]], dim=1), order
    settings = dict(nms_cfg)
    if settings.pop("type", "nms") != "nms":
        raise NotImplementedError(f"{nms_cfg}; only plain nms is served")
    class_agnostic = settings.pop("class_agnostic", class_agnostic)
    settings.pop("split_thr", None)  # mmcv's limit beyond which it saves memory
    most = settings.pop("max_num", -1)
    shift = 0 if class_agnostic or not len(boxes) else idxs.to(boxes) * (boxes.max() + 1)
    moved = boxes if class_agnostic or not len(boxes) else boxes + shift[:, None]
    _, keep = nms(moved, scores, **settings)
    keep = keep[:most] if most > 0 else keep
    return torch.cat([boxes[keep], scores[keep, None]], dim=1), keep


def sigmoid_focal_loss(pred, target, gamma=2.0, alpha=0.25, weight=None, reduction="mean"):
    """Focal loss of logits (n, classes) and classes (n,), of which `classes` itself is the background."""
    wanted = torch.nn.functional.one_hot(target, pred.shape[1] + 1)[:, :-1].to(pred)
    loss = torchvision_focal_loss(pred, wanted, alpha=alpha, gamma=gamma)
    loss = loss if weight is None else loss * weight.view(-1, 1)
    return {"mean": loss.mean, "sum": loss.sum, "none": lambda: loss}[reduction]()


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(name)
    raise ImportError(f"mmcv.ops.{name} needs mmcv's compiled code, which is not installed")
