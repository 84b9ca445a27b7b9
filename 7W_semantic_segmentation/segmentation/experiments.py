"""The training runs of week 7: three networks with five losses and several seeds.

The fifteen combinations are compared by records, one file per training run: its history, and the predictions for the
validation and the test images. Finished runs are not repeated, so an interrupted grid resumes.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from torch import nn
from tqdm import tqdm

from coursework.checkpoints import (
    list_items,
    load_weights,
    obtain,
    only_starts,
    provenance,
    read_facts,
    save_weights,
    spent,
    stand_for,
)
from coursework.provenance import Fingerprint, Training, architecture_of, fingerprint
from coursework.records import ONLY_BEGUN, build_dir, create, keep_dir, write_bytes
from coursework.runtime import half_precision
from coursework.source_code import model_code, training_code
from segmentation.config import Config
from segmentation.data import LesionData, LesionSplit
from segmentation.losses import LOSSES, bce_loss
from segmentation.models import MODELS
from segmentation.records import Experiment, Record, evaluate_network, read_record, record_name, write_record
from segmentation.train import TrainConfig, build_optimizer, build_schedule, fit, training_step
from segmentation.transforms import AUGMENTATION

FOLDER = Path(__file__).resolve().parents[1]  # of the week
# The components of a training run that can be replaced; the notebook passes its own definitions.
PARTS = {"models": MODELS, "losses": LOSSES, "step": training_step, "augmentation": AUGMENTATION}
NO_IMAGES = Fingerprint("ph2", np.zeros(0, np.uint32))  # stands for PH2 where its images are not at hand
SYNTHETIC = ("unet", "dice", 0)  # network, loss and seed that are trained on synthetic images


def all_experiments(config: Config) -> Iterator[Experiment]:
    """Each network with each loss, one seed after the other."""
    for seed, model, loss in product(config.seeds, MODELS, LOSSES):
        yield Experiment(model, loss, seed)


def build_model(name: str, config: Config, parts: dict = PARTS) -> nn.Module:
    """An untrained network of the grid."""
    return parts["models"][name](config.width).to(memory_format=torch.channels_last)


def train_config(config: Config, seed: int, **changes) -> TrainConfig:
    """The training settings, the same for all fifteen combinations; `changes` override them."""
    names = ("epochs", "batch_size", "lr", "warmup")
    settings = {name: getattr(config, name) for name in names} | {"precision": half_precision(), "seed": seed}
    return TrainConfig(**settings | changes)


def shorten(settings: TrainConfig) -> TrainConfig:
    """The settings of two short epochs, which only show that the loop runs: one of cross-entropy, one of the loss."""
    return replace(settings, epochs=2, warmup=0.5, batch_size=2)


def describe_training(
    name: str, model: nn.Module, data: Fingerprint, sizes: dict, settings: TrainConfig, loss: Callable, parts: dict
) -> Training:
    """Everything that determines the result of a training run; `sizes` are those of the images and of the split."""
    chain = parts["augmentation"]
    texts = [repr(one) for one in getattr(chain, "transforms", [chain])]
    rules = asdict(settings) | {"precision": None, "augmentation": texts, "loss": loss.__name__}  # precision: machine
    network = {"run": name, "network": type(model).__name__, "architecture": architecture_of(model)}
    functions = (fit, parts["step"], loss, bce_loss, build_optimizer, build_schedule)
    return Training(rules | network | sizes, training_code(*functions, *model_code(model)), data)


def fingerprint_of(name: str, *parts: LesionData) -> Fingerprint:
    """The fingerprint of all images and masks of these parts."""
    arrays = [np.concatenate([getattr(part, kind) for part in parts]) for kind in ("images", "masks")]
    return fingerprint(name, [one for part in parts for one in part.names], *arrays)


def run_grid(config: Config, lesions: LesionSplit, parts: dict = PARTS) -> dict[Experiment, Record]:
    """The records of all experiments: read, or trained if there is none."""
    config = all_or_none(config, lesions, parts)
    bar = tqdm(list(all_experiments(config)), desc="grid", unit="training run", leave=False)
    return {experiment: run_experiment(experiment, config, lesions, parts) for experiment in bar}


def all_or_none(config: Config, lesions: LesionSplit, parts: dict) -> Config:
    """`config`, with `retrain` if not all committed records belong to this code, and new ones are not comparable.

    These are short training runs, and runs without PH2: finished networks would be compared with networks of two
    epochs, or results on PH2 with results on synthetic images.
    """
    if config.retrain or (lesions.name == "ph2" and not only_starts(config)):
        return config
    changed = {}
    for experiment in all_experiments(config):
        record = read_record(FOLDER / record_name(experiment))
        training = committed_training(experiment, config, lesions, parts, record)
        reason = training.difference(record and record.facts, few=True)
        if reason:
            changed[experiment.name] = reason
    if not changed:
        return config
    name, reason = next(iter(changed.items()))
    print(f"{len(changed)} of the grid's records do not belong to this code ({name}: {reason}); {ONLY_BEGUN}")
    return replace(config, retrain=True)


def run_experiment(experiment: Experiment, config: Config, lesions: LesionSplit, parts: dict = PARTS) -> Record:
    """The record of one experiment: the committed one, that below `build/`, or one that is trained now.

    The committed records are of PH2. They are also used if PH2 is not there, since they hold all predictions.
    With `config.practice`, experiments of the first seed are first trained for two short epochs.
    """
    practice = only_starts(config)
    if practice and not config.retrain and experiment.seed == config.seeds[0]:
        train_if_missing(experiment, config, lesions.first(2, 1, 1), parts)
    committed = FOLDER / record_name(experiment)
    if committed.is_file() and not config.retrain:
        record = read_record(committed)
        training = committed_training(experiment, config, lesions, parts, record)
        facts = stand_for(training, committed, record and record.facts, FOLDER, "record", few=practice)
        if facts:
            record.facts.update(facts)
            return record
    return train_if_missing(experiment, config, lesions, parts)


def committed_training(
    experiment: Experiment, config: Config, lesions: LesionSplit, parts: dict, record: Record | None
) -> Training:
    """The training run of a committed record, see `as_published`."""
    training = training_of(experiment, config, lesions, train_config(config, experiment.seed), parts)
    return as_published(training, record and record.facts)


def as_published(training: Training, facts: dict | None) -> Training:
    """`training`, on PH2 without its images if a committed file with these facts is of PH2, which is not there."""
    of_ph2 = (facts or {}).get("data", {}).get("name") == NO_IMAGES.name
    return replace(training, data=NO_IMAGES) if of_ph2 and training.data.name != NO_IMAGES.name else training


def training_of(
    experiment: Experiment, config: Config, lesions: LesionSplit, settings: TrainConfig, parts: dict
) -> Training:
    """What determines the result of an experiment."""
    model, loss = build_model(experiment.model, config, parts), parts["losses"][experiment.loss]
    data = fingerprint_of(lesions.name, lesions.train, lesions.validation, lesions.test)
    name = f"{experiment.model}-{experiment.loss}"
    sizes = {"image_size": config.image_size, "parts": list(config.parts), "split_seed": config.seed}
    return describe_training(name, model, data, sizes, settings, loss, parts)


def train_if_missing(experiment: Experiment, config: Config, lesions: LesionSplit, parts: dict) -> Record:
    """The record of an experiment below `build/`; trained now if it is not there."""
    practice, settings = only_starts(config), train_config(config, experiment.seed)
    root, settings = (build_dir("7W") / "practice", shorten(settings)) if practice else (keep_dir("7W"), settings)
    training = training_of(experiment, config, lesions, settings, parts)
    path = root / record_name(experiment)
    record = read_record(path)
    if record is None or record.facts["key"] != training.key:
        record = train_and_record(experiment, config, lesions, settings, training, parts)
        if PartialState().is_main_process:
            write_record(path, record)
        PartialState().wait_for_everyone()
    record.facts.update(provenance(path, root, "computed"))
    return record


def train_and_record(
    experiment: Experiment, config: Config, lesions: LesionSplit, settings: TrainConfig, training: Training, parts: dict
) -> Record:
    """Train one network and predict the masks of the validation and the test images."""
    torch.manual_seed(settings.seed)
    model = build_model(experiment.model, config, parts)
    run = training_run(model, experiment, lesions, settings, parts)
    history = run(build_dir("7W") / f"{experiment.name}.checkpoint", training.key)
    facts = training.as_facts() | {"training": spent(history)}
    if not only_starts(config):
        trained = {**facts, "history": history, "architecture": architecture_of(model)}
        path = trained_weights(experiment, lesions)
        if PartialState().is_main_process:
            save_weights(path, model, trained)
            list_items("7W", training)
        PartialState().wait_for_everyone()
        model = build_model(experiment.model, config, parts)  # the trained one still computes in mixed precision
        load_weights(path, model)  # rounded to half precision, as they are released
    return evaluate_network(model, lesions, history, facts)


def trained_weights(experiment: Experiment, lesions: LesionSplit) -> Path:
    """The weights that a run of the grid left on this machine; only the selected ones are kept for a release."""
    return build_dir("7W") / "weights" / f"{weights_name(experiment, lesions)}.safetensors"


def training_run(
    model: nn.Module, experiment: Experiment, lesions: LesionSplit, settings: TrainConfig, parts: dict
) -> Callable[[Path, str], list[dict]]:
    """The function that `obtain` calls to train `model`."""

    def run(checkpoint: Path, key: str) -> list[dict]:
        loss, kinds = parts["losses"][experiment.loss], {name: parts[name] for name in ("step", "augmentation")}
        data = lesions.train, lesions.validation
        return fit(model, *data, settings, loss, checkpoint, key, name=experiment.name, **kinds)

    return run


def weights_name(experiment: Experiment, lesions: LesionSplit) -> str:
    """The name of an experiment's weights below `weights/`, without suffix."""
    return f"{lesions.name}-{experiment.name}"


def load_network(
    experiment: Experiment, config: Config, lesions: LesionSplit, parts: dict = PARTS
) -> tuple[nn.Module, dict]:
    """The trained network of an experiment, and the facts of `coursework.checkpoints.obtain`."""
    settings = train_config(config, experiment.seed)
    torch.manual_seed(settings.seed)
    model = build_model(experiment.model, config, parts)
    training, practice = training_of(experiment, config, lesions, settings, parts), None
    if only_starts(config):
        settings = shorten(settings)
        practice = training_of(experiment, config, lesions, settings, parts)
    run = training_run(model, experiment, lesions, settings, parts)
    name, trained = weights_name(experiment, lesions), trained_weights(experiment, lesions)
    if (read_facts(trained) or {}).get("key") == training.key:  # the run of the grid need not be repeated
        write_bytes(create(keep_dir("7W") / "weights") / f"{name}.safetensors", trained.read_bytes())
    return model, obtain("7W", FOLDER, name, model, training, run, config.retrain, practice=practice)


def train_synthetic(config: Config, synthetic: LesionSplit, parts: dict = PARTS) -> tuple[nn.Module, dict]:
    """U-Net with Dice loss, trained on the synthetic images only; returns as `load_network`."""
    return load_network(Experiment(*SYNTHETIC), config, synthetic, parts)
