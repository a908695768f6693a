"""`python -m dvemap` is the `dvemap` command."""

from dvemap.cli import main

main()
