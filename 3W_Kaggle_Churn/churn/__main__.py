"""python -m churn: work on the study of week 3 without its notebook; start it on several machines to share one.

COURSEWORK_SET="3W.storage=mysql+pymysql://user@host/studies" names a database that all of them reach (and its driver,
which must be installed); a file works for several processes on one machine. A notebook that names the same storage
goes on from what they found.
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
    """Bring the study to the config's number of trials, whoever runs them, and print the best; returns the status."""
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    config = load_config("3W", CONFIGS)
    customers = load_customers(config)
    data, _ = clean(customers.train)
    folds = tuning_folds(customers.labels, config.folds, config.seed)
    study = open_study(data, customers.labels, folds, config.trees, study_path(config.storage))

    def build(settings):
        return build_catboost(settings, config.seed, config.threads)

    # A seed of its own, or all workers would try the same.
    tune(study, build, data, customers.labels, folds, config.trials, config.trees, secrets.randbelow(2**31))
    print(study_table(study).sort_values("auc").tail(5).round(4).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(call(main))
