"""The AWS CLI of version 1 (package indexes have no other), with the parts of version 2 that the runbook needs.

Version 2 has `logs tail`, takes --cli-binary-format, and asks AWS_ENDPOINT_URL for SQS too.
"""

import os
import re
import sys
import time

from awscli.clidriver import main

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def value_of(arguments, name, default=None):
    return arguments[arguments.index(name) + 1] if name in arguments else default


def without(arguments, name):
    if name not in arguments:
        return arguments
    at = arguments.index(name)
    return arguments[:at] + arguments[at + 2 :]


def as_filter(arguments):
    """`logs tail GROUP --since 1h [--filter-pattern PATTERN]`, whatever its --format, as `logs filter-log-events`."""
    digits, unit = re.fullmatch(r"(\d+)([smhdw])", value_of(arguments, "--since", "10m")).groups()
    start = int((time.time() - int(digits) * UNITS[unit]) * 1000)
    pattern = value_of(arguments, "--filter-pattern")
    return [
        *["logs", "filter-log-events", "--log-group-name", arguments[2], "--start-time", str(start)],
        *(["--filter-pattern", pattern] if pattern else []),
        *["--query", "events[].[message]", "--output", "text"],
    ]


def for_version_1(arguments):
    arguments = without(arguments, "--cli-binary-format")
    if arguments[:2] == ["logs", "tail"]:
        return as_filter(arguments)
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if arguments[:1] == ["sqs"] and endpoint and "--endpoint-url" not in arguments:
        return [*arguments, "--endpoint-url", endpoint]
    return arguments


if __name__ == "__main__":
    sys.argv = ["aws", *for_version_1(sys.argv[1:])]
    sys.exit(main())
