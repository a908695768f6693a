"""The published weights: what there is, what is here, and how to get the rest."""

from student.weights.catalogue import CATALOGUE as CATALOGUE
from student.weights.catalogue import official as official
from student.weights.official import OfficialFile as OfficialFile
from student.weights.pulling import pull as pull
from student.weights.store import StoredFile as StoredFile
from student.weights.store import find as find
from student.weights.store import import_file as import_file
from student.weights.store import stored as stored
from student.weights.store import weights_folder as weights_folder
