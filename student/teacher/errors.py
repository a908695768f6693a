"""What can be wrong with the files of teachers."""


class TeacherError(ValueError):
    """Teacher files that cannot be used; the message names the file, the rule, what came and the fix."""
