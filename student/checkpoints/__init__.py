"""Checkpoints: what a file of weights holds, and the students, encoders, segmentors and probes made of it."""

from student.checkpoints.backbone import load_backbone as load_backbone
from student.checkpoints.checkpoint import Checkpoint as Checkpoint
from student.checkpoints.checkpoint import checkpoint_of as checkpoint_of
from student.checkpoints.checkpoint import load_checkpoint as load_checkpoint
from student.checkpoints.checkpoint import read_checkpoint as read_checkpoint
from student.checkpoints.checkpoint import read_state as read_state
from student.checkpoints.checkpoint import save_checkpoint as save_checkpoint
from student.checkpoints.dformer_file import load_dformer_backbone as load_dformer_backbone
from student.checkpoints.file import CheckpointFile as CheckpointFile
from student.checkpoints.file import read_checkpoint_file as read_checkpoint_file
from student.checkpoints.kind import Kind as Kind
from student.checkpoints.segmentor_file import SegmentorCheckpoint as SegmentorCheckpoint
from student.checkpoints.segmentor_file import load_segmentor as load_segmentor
from student.checkpoints.segmentor_file import read_segmentor as read_segmentor
from student.checkpoints.shape import infer_config as infer_config
