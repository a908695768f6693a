"""What maps look like: colours, pictures without a display, and PLY files."""

from viewer.colors import heat_colors as heat_colors
from viewer.colors import overlay_heat as overlay_heat
from viewer.open3d_cloud import to_open3d as to_open3d
from viewer.picture import save_picture as save_picture
from viewer.ply import Ply as Ply
from viewer.ply import PlyError as PlyError
from viewer.ply import read_ply as read_ply
from viewer.ply import write_ply as write_ply
