"""`python -m vitalcast` is the same as `vitalcast`."""

from vitalcast.cli.main import main

if __name__ == "__main__":
    main()
