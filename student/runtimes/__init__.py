"""What runs a student: torch, ONNX Runtime or TensorRT, behind one small protocol.

Each runtime imports its library when it is made, not before.
"""

from student.runtimes.runtime import Runtime as Runtime
