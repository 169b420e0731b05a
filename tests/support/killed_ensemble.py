"""An ensemble in a directory, to be killed: ``python killed_ensemble.py DIRECTORY``."""

import sys

from support.survivors import line

import hybridrd as hrd

RUN = {"replicas": 24, "dt": 2e-3, "until": 0.04, "every": 0.02, "seed": 6}


def run(place=None):
    return hrd.ensemble(line(), resume=place, keep=["copy_number"], covariance=["total"], **RUN)


if __name__ == "__main__":
    run(sys.argv[1])
