"""``python -m hybridrd``: the command line."""

from hybridrd.cli import main

if __name__ == "__main__":
    main()
