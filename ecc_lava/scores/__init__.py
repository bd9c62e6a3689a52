"""Scores by task: how far a network's answers are from the CNN's and from the labels.

One task a file, one line each in `table`: classes, regression, maps and labels. A task says which labels it takes and which figures compare
answers. It knows nothing of spikes. To add a task, write its file and give it a line in `TASKS`; figures are named in `task`.
"""

from ecc_lava.scores.score import OutputScore, Scorer, check_labels
from ecc_lava.scores.table import TASKS, task_of
from ecc_lava.scores.task import MEASURES, Measured, Output, Task

__all__ = ["MEASURES", "TASKS", "Measured", "Output", "OutputScore", "Scorer", "Task", "check_labels", "task_of"]
