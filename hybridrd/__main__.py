"""``python -m hybridrd``: the command line."""

from hybridrd.cli.app import main

if __name__ == "__main__":
    main()
