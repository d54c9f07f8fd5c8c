"""The one-stop desk: its exports all tell of the same dossiers."""

from kho_sample import dossiers, fees, procedures, supplements
from kho_sample.system import System

SYSTEM = System(
    "one_stop",
    {
        "one-stop: procedures": procedures.exports,
        "one-stop: dossiers": dossiers.exports,
        "one-stop: adjustments": dossiers.adjustments,
        "one-stop: supplements": supplements.exports,
        "one-stop: fees": fees.exports,
    },
    served=("sftp",),
)
