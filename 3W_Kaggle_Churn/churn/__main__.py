"""python -m churn: tune CatBoost without the notebook, resumable; on several machines if they share one study.

COURSEWORK_SET="3W.storage=mysql+pymysql://user@host/studies" names a database that all machines reach (its driver must
be installed); a file works for several processes on one machine.
"""

import secrets
import sys

from churn.config import CONFIGS
from churn.data import clean, load_customers
from churn.evaluate import tuning_folds
from churn.models import build_catboost
from churn.tune import open_study, study_path, study_table, tune
from coursework.profile import load_config
from coursework.terminal import call


def main(arguments: list[str]) -> int:
    """Add trials until the study has the config's number, and print the five best; returns the status."""
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    config = load_config("3W", CONFIGS)
    customers = load_customers(config)
    data = clean(customers.train)
    folds = tuning_folds(customers.labels, config.folds, config.seed)
    study = open_study(data, customers.labels, folds, config.trees, study_path(config.storage))

    def build(settings):
        return build_catboost(settings, config.seed, config.threads)

    # A seed of its own, or all workers would try the same settings.
    tune(study, build, data, customers.labels, folds, config.trials, config.trees, secrets.randbelow(2**31))
    print(study_table(study).sort_values("auc").tail(5).round(4).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(call(main))
