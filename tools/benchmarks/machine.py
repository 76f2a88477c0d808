"""What a benchmark says about the machine it ran on."""

import platform


def processor() -> str:
    """Name of the processor, as Linux tells it."""
    try:
        with open('/proc/cpuinfo') as handle:
            names = [line.split(':', 1)[1].strip() for line in handle if line.startswith('model name')]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
