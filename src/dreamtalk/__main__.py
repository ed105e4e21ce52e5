"""``python -m dreamtalk`` is the same as ``dreamtalk``."""

from dreamtalk.cli import main

if __name__ == "__main__":
    main()
