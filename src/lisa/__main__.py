"""`python -m lisa`, which launchers such as torchrun need."""

from lisa.cli import main

main()
